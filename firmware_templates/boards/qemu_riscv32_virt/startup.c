/* Reset and faults of the RISC-V virt machine: stack, memory, FPU, read-only flash. */
#include <stdbool.h>
#include <string.h>

#include "hil_fault.h"
#include "hil_port.h"

/* From the linker script; only their addresses mean something. */
extern uint8_t hil_data_load[], hil_data_begin[], hil_data_end[];
extern uint8_t hil_bss_begin[], hil_bss_end[];
extern uint8_t hil_stack_bottom[], hil_stack_top[];

int main(void);
void hil_reset(void);

/* A fault is told from a stack of its own, since it may be that the other one is full. */
#define FAULT_STACK_BYTES 1024
__attribute__((used, aligned(16), section(".noinit.fault_stack"))) static uint8_t
    fault_stack[FAULT_STACK_BYTES];

__attribute__((naked, used, noreturn, aligned(4))) static void fault_entry(void) {
  __asm__ volatile(
      "mv a0, sp \n"
      "mv a1, ra \n"
      "la sp, fault_stack + %0 \n"
      "j riscv_fault \n" ::"i"(FAULT_STACK_BYTES));
}

/* QEMU starts at the first byte of the RAM, with nothing set up. */
__attribute__((naked, used, section(".vectors"))) void hil_reset(void) {
  __asm__ volatile(
      ".option push \n"
      ".option norelax \n"
      "la gp, __global_pointer$ \n"
      ".option pop \n"
      "la sp, hil_stack_top \n"
      "la t0, fault_entry \n"
      "csrw mtvec, t0 \n"
      "li t0, 0x6000 \n" /* mstatus.FS: the FPU is on */
      "csrs mstatus, t0 \n"
      "j riscv_reset_in_c \n");
}

/* What stands for flash is made read-only, and a stack that grows out of the RAM, whose
 * first bytes it has, runs into it. One locked region holds for machine mode as well
 * (privileged manual, 3.7.1). */
static void protect_flash(void) {
  const uint32_t four_mib_at = (0x80000000u >> 2) | ((4u << 20 >> 3) - 1u);
  const uint32_t locked_napot_execute_read = 0x80u | 0x18u | 0x04u | 0x01u;
  __asm__ volatile("csrw pmpaddr0, %0 \n csrw pmpcfg0, %1" ::"r"(four_mib_at),
                   "r"(locked_napot_execute_read));
}

__attribute__((used, noreturn)) static void riscv_reset_in_c(void) {
  memcpy(hil_data_begin, hil_data_load, (size_t)(hil_data_end - hil_data_begin));
  memset(hil_bss_begin, 0, (size_t)(hil_bss_end - hil_bss_begin));
  protect_flash();
  hil_port_exit(main());
}

__attribute__((used, noreturn)) static void riscv_fault(uint32_t sp, uint32_t ra) {
  uint32_t pc, cause, value;
  __asm__ volatile("csrr %0, mepc \n csrr %1, mcause \n csrr %2, mtval"
                   : "=r"(pc), "=r"(cause), "=r"(value));
  const uint32_t registers[] = {pc, ra, sp, cause, value};
  bool overflow = sp < (uint32_t)hil_stack_bottom || sp > (uint32_t)hil_stack_top;
  hil_fault(overflow ? "stack overflow; pc ra sp mcause mtval:" : "fault; pc ra sp mcause mtval:",
            registers, 5);
}
