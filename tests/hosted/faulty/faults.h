/* The ways in which a run can go wrong; the numbers are those of test_faults.py. */
#ifndef FAULTS_H_
#define FAULTS_H_

enum fault {
  FAULT_NONE,
  FAULT_NULL_WRITE,
  FAULT_NO_SUCH_ADDRESS,
  FAULT_UNDEFINED_INSTRUCTION,
  FAULT_DIVISION_BY_ZERO,
  FAULT_ENDLESS_RECURSION,
  FAULT_HANG,
  FAULT_END,     /* the process or the emulator ends by itself */
  FAULT_RESTART, /* where there is something that restarts */
  FAULT_LOCKUP,  /* a fault where the core takes none */
  FAULT_IN_FAULT,
};

/* Does it; comes back from FAULT_NONE and from what is no fault on this core. */
void faulty_do(enum fault fault);

#endif /* FAULTS_H_ */
