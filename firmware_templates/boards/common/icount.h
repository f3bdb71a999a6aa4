/* Ticks of an emulated timer turned into instructions.
 *
 * QEMU with -icount shift=S lets each instruction take 2^S ns of the virtual time that
 * its timers count. A timer with ticks of t ns has therefore counted
 *
 *     instructions = ticks * t / 2^S, rounded to the nearest
 *
 * between two readings. That is exact, whatever the timer's phase was, while an
 * instruction takes more than two ticks: the timer cuts off less than one, which is
 * less than half an instruction.
 */
#ifndef HIL_BOARDS_ICOUNT_H_
#define HIL_BOARDS_ICOUNT_H_

#include <stdint.h>

#ifndef HIL_ICOUNT_SHIFT
#error "HIL_ICOUNT_SHIFT must be the shift that QEMU is started with"
#endif

/* Refuses a shift with which that would not be so. */
#define ICOUNT_IS_EXACT(tick_ns_x4)                            \
  _Static_assert((4u << HIL_ICOUNT_SHIFT) > 2u * (tick_ns_x4), \
                 "with this icount_shift an instruction takes less than two ticks of the timer")

/* Returns the instructions so far. timer_now is a timer of 32 bits that counts up, its
 * tick tick_ns_x4 / 4 ns long. What is timed must take less than one round of it. */
static inline uint32_t icount_instructions(uint32_t timer_now, uint32_t tick_ns_x4) {
  static uint32_t last, instructions;
  const uint32_t shift = HIL_ICOUNT_SHIFT + 2u;
  uint64_t passed = (uint64_t)(timer_now - last) * tick_ns_x4;
  last = timer_now;
  instructions += (uint32_t)((passed + (1u << (shift - 1u))) >> shift);
  return instructions;
}

#endif /* HIL_BOARDS_ICOUNT_H_ */
