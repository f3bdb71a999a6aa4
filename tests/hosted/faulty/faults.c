#include "faults.h"

#include <stdint.h>

#include "hil_fault.h"
#include "hil_port.h"
#ifdef __ARM_ARCH_PROFILE
#include "cortex_m.h"
#endif

/* Each in a function of its own, which the program counter of a report must be in. */
#define FAULTY __attribute__((noinline, noclone, used))

/* Nothing is there on any of the boards. */
#define NO_SUCH_ADDRESS 0xE8000000u

static volatile int one = 1, zero = 0;

FAULTY static void null_write(void) {
  volatile uint32_t *volatile nowhere = 0;
  *nowhere = 1;
}

FAULTY static void no_such_address(void) { *(volatile uint32_t *)(uintptr_t)NO_SUCH_ADDRESS = 1; }

FAULTY static void undefined_instruction(void) { __builtin_trap(); }

FAULTY static void division_by_zero(void) { one = one / zero; }

FAULTY static uint32_t endless_recursion(uint32_t depth) {
  volatile uint32_t kept[16];
  kept[depth % 16] = depth;
  if (zero != 0) return depth;
  return endless_recursion(depth + 1) + kept[depth % 16];
}

FAULTY static void hang(void) {
  while (zero == 0) {
  }
}

FAULTY static void restart(void) {
#ifdef __ARM_ARCH_PROFILE
  CORTEX_M_AIRCR = CORTEX_M_AIRCR_RESET;
  hang();
#endif
}

/* With all faults masked a core of the M profile stops at the next one. */
FAULTY static void lockup(void) {
#ifdef __ARM_ARCH_PROFILE
  __asm__ volatile("cpsid f");
#endif
  no_such_address();
}

FAULTY static void fault_in_fault(void) {
  hil_fault("registers:", (const uint32_t *)(uintptr_t)NO_SUCH_ADDRESS, 1);
}

void faulty_do(enum fault fault) {
  switch (fault) {
    case FAULT_NULL_WRITE:
      null_write();
      break;
    case FAULT_NO_SUCH_ADDRESS:
      no_such_address();
      break;
    case FAULT_UNDEFINED_INSTRUCTION:
      undefined_instruction();
      break;
    case FAULT_DIVISION_BY_ZERO:
      division_by_zero();
      break;
    case FAULT_ENDLESS_RECURSION:
      endless_recursion(0);
      break;
    case FAULT_HANG:
      hang();
      break;
    case FAULT_END:
      hil_port_exit(3);
    case FAULT_RESTART:
      restart();
      break;
    case FAULT_LOCKUP:
      lockup();
      break;
    case FAULT_IN_FAULT:
      fault_in_fault();
      break;
    case FAULT_NONE:
    default:
      break;
  }
}
