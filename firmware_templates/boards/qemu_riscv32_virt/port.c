/* The port to QEMU's RISC-V virt machine with one 32-bit core. The line is
 * semihosting_line.c's. */
#include "hil_port.h"

#if HIL_ICOUNT_SHIFT != 0
#error "this port counts instructions by minstret, which QEMU shows right at shift 0 only"
#endif

void hil_port_init(void) {}

/* The hart's own counter of retired instructions. mtime, the other clock, has 10 MHz and
 * with any shift that makes it exact would wrap sooner. */
uint32_t hil_port_ticks(void) {
  uint32_t retired;
  __asm__ volatile("csrr %0, minstret" : "=r"(retired));
  return retired;
}

uint32_t hil_port_ticks_per_second(void) { return 0; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_EMULATED_INSTRUCTIONS; }
