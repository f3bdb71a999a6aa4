/* The port to QEMU's mps2-an385, mps2-an386 and mps2-an500: one memory map with three
 * cores (Arm application notes 385, 386 and 500). The line is semihosting_line.c's. */
#include "cortex_m.h"
#include "hil_port.h"
#include "icount.h"

/* CMSDK timer 0: 25 MHz, 32 bits, counts down. */
#define TIMER0_CTRL HIL_REGISTER(0x40000000)
#define TIMER0_VALUE HIL_REGISTER(0x40000004)
#define TIMER0_RELOAD HIL_REGISTER(0x40000008)
#define TICK_NS_X4 (4u * 40u)
ICOUNT_IS_EXACT(TICK_NS_X4);

/* On a board flash cannot be written and nothing answers below the RAM. Here both are
 * true by the MPU: else a stack that overflows (it begins where the RAM does) would
 * run through all addresses below it, the code among them. */
static void protect_memory(void) {
  const uint32_t no_access_1_mib = 1u << 28 | 0u << 24 | 19u << 1 | 1u;
  const uint32_t read_only_4_mib = 6u << 24 | 21u << 1 | 1u;
  const uint32_t valid_region_0 = 0x10u, valid_region_1 = 0x11u;
  CORTEX_M_MPU_RBAR = 0x1FF00000u | valid_region_0;
  CORTEX_M_MPU_RASR = no_access_1_mib;
  CORTEX_M_MPU_RBAR = 0x00000000u | valid_region_1;
  CORTEX_M_MPU_RASR = read_only_4_mib;
  CORTEX_M_MPU_CTRL = CORTEX_M_MPU_ENABLE;
  __asm__ volatile("dsb \n isb");
}

void hil_port_init(void) {
  protect_memory();
  TIMER0_RELOAD = UINT32_MAX;
  TIMER0_VALUE = UINT32_MAX;
  TIMER0_CTRL = 1;
}

/* Not the SysTick: its 24 bits wrap after 5 million instructions. */
uint32_t hil_port_ticks(void) {
  return icount_instructions(UINT32_MAX - TIMER0_VALUE, TICK_NS_X4);
}

uint32_t hil_port_ticks_per_second(void) { return 0; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_EMULATED_INSTRUCTIONS; }
