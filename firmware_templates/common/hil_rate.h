/* The rate of the line: a new one is kept only where good frames come (section 6.6). */
#ifndef HIL_RATE_H_
#define HIL_RATE_H_

#include <stdbool.h>
#include <stdint.h>

/* Whether the board can change its rate and knows a second when it is over. */
bool hil_rate_is_supported(void);

/* Switches, behind the answer; nothing is done where the line has this rate. */
void hil_rate_switch(uint32_t baud);

/* A good frame came: the rate is right. */
void hil_rate_confirm(void);

/* Goes back where a new rate was not confirmed in time; call at least every second. */
void hil_rate_check(void);

#endif /* HIL_RATE_H_ */
