/* What is known of the board's counter: whether it moves, and what reading it costs. */
#ifndef HIL_TIMER_H_
#define HIL_TIMER_H_

#include <stdint.h>

#include "hil_port.h"

/* Looks at the counter; call once, after hil_port_init. */
void hil_timer_init(void);

/* The port's time basis, or HIL_TICKS_NONE where the counter stands still whatever the
 * port believes: a cycle counter may be dead. */
enum hil_time_basis hil_timer_basis(void);

/* Ticks between two readings at least, part of every figure. Nothing subtracts them. */
uint32_t hil_timer_overhead(void);

#endif /* HIL_TIMER_H_ */
