/* Semihosting: the firmware asks the emulator to read, to write and to end.
 *
 * The same calls on Arm and on RISC-V (Arm, "Semihosting for AArch32 and AArch64"; the
 * RISC-V semihosting specification). QEMU needs -semihosting-config
 * enable=on,target=native for them.
 */
#ifndef HIL_BOARDS_SEMIHOSTING_H_
#define HIL_BOARDS_SEMIHOSTING_H_

#include <stdint.h>

enum semihosting_operation {
  SEMIHOSTING_OPEN = 0x01,
  SEMIHOSTING_WRITE = 0x05,
  SEMIHOSTING_READ = 0x06,
  SEMIHOSTING_EXIT = 0x20, /* SYS_EXIT_EXTENDED: the only one with a status */
};

/* parameters: an array of words whose meaning is the operation's. */
static inline uint32_t semihosting(enum semihosting_operation operation,
                                   const uint32_t *parameters) {
#ifdef __riscv
  register uint32_t result __asm__("a0") = operation;
  register const uint32_t *argument __asm__("a1") = parameters;
  /* The emulator knows the call by these three, uncompressed and on one page. */
  __asm__ volatile(
      ".balign 16 \n"
      ".option push \n"
      ".option norvc \n"
      "slli x0, x0, 0x1f \n"
      "ebreak \n"
      "srai x0, x0, 7 \n"
      ".option pop \n"
      : "+r"(result)
      : "r"(argument)
      : "memory");
#else
  register uint32_t result __asm__("r0") = operation;
  register const uint32_t *argument __asm__("r1") = parameters;
  __asm__ volatile("bkpt 0xab" : "+r"(result) : "r"(argument) : "memory");
#endif
  return result;
}

/* Ends the emulator with this exit status. */
static inline void semihosting_exit(int status) {
  const uint32_t application_exit[2] = {0x20026u, (uint32_t)status};
  semihosting(SEMIHOSTING_EXIT, application_exit);
}

#endif /* HIL_BOARDS_SEMIHOSTING_H_ */
