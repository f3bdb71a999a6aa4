/* What a board may provide beside hil_port.h. Each has a weak default that does nothing.
 *
 * All are called from the main loop only.
 */
#ifndef HIL_PORT_OPTIONAL_H_
#define HIL_PORT_OPTIONAL_H_

#include <stdbool.h>
#include <stdint.h>

/* The rate of the line now and the highest one; 0 (the default): it has no rate, and
 * BAUD is refused. A board with rates needs ticks that are time: a new rate at which
 * nothing comes is given up after a second of them. */
uint32_t hil_port_baud(void);
uint32_t hil_port_max_baud(void);

/* Waits until the last bit that was written is out, then switches; false, and nothing
 * done, where this rate is not possible. */
bool hil_port_set_baud(uint32_t baud);

/* Whether the rate is possible, asked before the answer goes out at the old one. The
 * default takes every rate from 300 to hil_port_max_baud(). */
bool hil_port_can_baud(uint32_t baud);

/* Nothing has been received: may sleep until a byte comes, for 10 ms at most. */
void hil_port_idle(void);

/* Feeds the watchdog, where there is one. Called at least once before every run of the
 * model and every time the main loop finds nothing to read: one run must take less time
 * than the watchdog gives. */
void hil_port_feed_watchdog(void);

#endif /* HIL_PORT_OPTIONAL_H_ */
