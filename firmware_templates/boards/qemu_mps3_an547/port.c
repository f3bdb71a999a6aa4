/* The port to QEMU's mps3-an547: a Cortex-M55 in the subsystem SSE-300 (Arm application
 * note 547). The core comes out of reset in the secure state, so that peripherals are
 * reached at their secure addresses. The line is semihosting_line.c's. */
#include "cortex_m.h"
#include "hil_port.h"
#include "icount.h"

/* The subsystem's timestamp counter (SSE-300 manual, 4.7): 32 MHz, 64 bits, counts up.
 * The timers of this board are of no use without an interrupt, and SysTick would need
 * one every 2^24 ticks, whose instructions would be counted with the model's. */
#define COUNTER_CONTROL HIL_REGISTER(0x58100000)
#define COUNTER_VALUE_LOW HIL_REGISTER(0x58100008)
#define TICK_NS_X4 125u
ICOUNT_IS_EXACT(TICK_NS_X4);

/* The MPU of Armv8-M, which has its regions by first and last address. */
#define MPU_RNR HIL_REGISTER(0xE000ED98)
#define MPU_RBAR HIL_REGISTER(0xE000ED9C)
#define MPU_RLAR HIL_REGISTER(0xE000EDA0)
#define MPU_MAIR0 HIL_REGISTER(0xE000EDC0)
#define MPU_RBAR_READ_ONLY (2u << 1) /* by privileged code, which all is */
#define MPU_RLAR_ENABLE 1u
#define NORMAL_MEMORY 0x44u

/* What stands for flash is made read-only, the null pointer's target with it. Below the
 * RAM nothing answers. */
static void protect_flash(void) {
  MPU_MAIR0 = NORMAL_MEMORY;
  MPU_RNR = 0;
  MPU_RBAR = 0x00000000u | MPU_RBAR_READ_ONLY;
  MPU_RLAR = ((512u * 1024u - 1u) & ~31u) | MPU_RLAR_ENABLE;
  CORTEX_M_MPU_CTRL = CORTEX_M_MPU_ENABLE;
  __asm__ volatile("dsb \n isb");
}

void hil_port_init(void) {
  protect_flash();
  COUNTER_CONTROL = 1;
}

uint32_t hil_port_ticks(void) { return icount_instructions(COUNTER_VALUE_LOW, TICK_NS_X4); }

uint32_t hil_port_ticks_per_second(void) { return 0; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_EMULATED_INSTRUCTIONS; }
