#include "hil_rate.h"

#include "hil_port.h"
#include "hil_port_optional.h"
#include "hil_timer.h"

static uint32_t rate_before; /* 0: nothing is on trial */
static uint32_t switched_at;

bool hil_rate_is_supported(void) {
  return hil_port_baud() != 0 && hil_port_max_baud() != 0 && hil_port_ticks_per_second() != 0 &&
         hil_timer_basis() != HIL_TICKS_NONE;
}

void hil_rate_switch(uint32_t baud) {
  uint32_t now = hil_port_baud();
  if (baud == now || !hil_port_set_baud(baud)) return;
  rate_before = now;
  switched_at = hil_port_ticks();
}

void hil_rate_confirm(void) { rate_before = 0; }

void hil_rate_check(void) {
  if (rate_before == 0 || hil_port_ticks() - switched_at < hil_port_ticks_per_second()) return;
  hil_port_set_baud(rate_before);
  rate_before = 0;
}
