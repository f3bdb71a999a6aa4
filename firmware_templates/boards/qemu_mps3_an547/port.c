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

void hil_port_init(void) { COUNTER_CONTROL = 1; }

uint32_t hil_port_ticks(void) { return icount_instructions(COUNTER_VALUE_LOW, TICK_NS_X4); }

uint32_t hil_port_ticks_per_second(void) { return 0; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_EMULATED_INSTRUCTIONS; }
