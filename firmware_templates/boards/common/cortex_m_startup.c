/* Reset and faults of a Cortex-M: FPU and memory made ready, faults told with their
 * registers. No peripheral is touched here. */
#include <string.h>

#include "cortex_m.h"
#include "hil_fault.h"
#include "hil_port.h"

/* From the linker script; only their addresses mean something. */
extern uint8_t hil_data_load[], hil_data_begin[], hil_data_end[];
extern uint8_t hil_bss_begin[], hil_bss_end[];
extern uint8_t hil_stack_bottom[];

int main(void);

/* A fault is told from a stack of its own, since it may be that the other one is full. */
#define FAULT_STACK_BYTES 1024
__attribute__((used, aligned(8), section(".noinit.fault_stack"))) static uint8_t
    fault_stack[FAULT_STACK_BYTES];

/* What the core pushes when it takes an exception (Armv7-M manual, B1.5.6). */
struct exception_frame {
  uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
};

/* The FPU first: compiled C may use its registers from the first line on. */
__attribute__((naked)) void hil_cortex_m_reset(void) {
  __asm__ volatile(
#ifdef __ARM_FP
      "ldr r0, =0xe000ed88 \n" /* CPACR: coprocessors 10 and 11 */
      "ldr r1, [r0] \n"
      "orr r1, r1, #0xf00000 \n"
      "str r1, [r0] \n"
      "dsb \n"
      "isb \n"
#endif
      "b hil_cortex_m_reset_in_c \n"
      ".ltorg \n");
}

__attribute__((used, noreturn)) static void hil_cortex_m_reset_in_c(void) {
  memcpy(hil_data_begin, hil_data_load, (size_t)(hil_data_end - hil_data_begin));
  memset(hil_bss_begin, 0, (size_t)(hil_bss_end - hil_bss_begin));
  CORTEX_M_CCR |= CORTEX_M_CCR_DIV_0_TRP; /* else a division by zero gives 0 */
  hil_port_exit(main());
}

/* The address that could not be reached, where the core knows it. */
static uint32_t fault_address(uint32_t status) {
  if (status & CORTEX_M_CFSR_BFARVALID) return CORTEX_M_BFAR;
  if (status & CORTEX_M_CFSR_MMARVALID) return CORTEX_M_MMFAR;
  return 0;
}

__attribute__((used, noreturn)) static void cortex_m_fault(const struct exception_frame *frame) {
  uint32_t sp = (uint32_t)(uintptr_t)frame;
  uint32_t bottom = (uint32_t)(uintptr_t)hil_stack_bottom;
  uint32_t top = (uint32_t)(uintptr_t)hil_stack_top;
  uint32_t status = CORTEX_M_CFSR;
  uint32_t address = fault_address(status);
  if (sp < bottom || sp > top - sizeof *frame) {
    /* The core could not write its frame: there is no pc to be told. */
    const uint32_t registers[] = {sp, status, CORTEX_M_HFSR, address};
    hil_fault("stack overflow; sp cfsr hfsr address:", registers, 4);
  }
  const uint32_t registers[] = {frame->pc, frame->lr, sp, status, CORTEX_M_HFSR, address};
  hil_fault("fault; pc lr sp cfsr hfsr address:", registers, 6);
}

__attribute__((naked)) void hil_cortex_m_fault_entry(void) {
  __asm__ volatile(
      "mrs r0, msp \n"
      "ldr r1, =fault_stack + %c0 \n"
      "mov sp, r1 \n"
      "b cortex_m_fault \n"
      ".ltorg \n" ::"i"(FAULT_STACK_BYTES));
}
