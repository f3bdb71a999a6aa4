/* A clock that only the fake engine moves; linked with --wrap=hil_port_ticks. */
#include <stdint.h>

static uint32_t ticks;

void fake_spend(uint32_t spent) { ticks += spent; }

uint32_t __wrap_hil_port_ticks(void);
uint32_t __wrap_hil_port_ticks(void) { return ticks; }
