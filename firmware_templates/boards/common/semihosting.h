/* How firmware ends the emulator that it runs in: Arm semihosting, SYS_EXIT_EXTENDED.
 * QEMU needs -semihosting-config enable=on,target=native for it. */
#ifndef HIL_BOARDS_SEMIHOSTING_H_
#define HIL_BOARDS_SEMIHOSTING_H_

#include <stdint.h>

/* Ends the emulator with this exit status. */
static inline void semihosting_exit(int status) {
  const uint32_t application_exit[2] = {0x20026u, (uint32_t)status};
  register uint32_t operation __asm__("r0") = 0x20;
  register const uint32_t *parameter __asm__("r1") = application_exit;
  __asm__ volatile("bkpt 0xab" : "+r"(operation) : "r"(parameter) : "memory");
}

#endif /* HIL_BOARDS_SEMIHOSTING_H_ */
