#include "hil_port_optional.h"

#define WEAK __attribute__((weak))

WEAK uint32_t hil_port_baud(void) { return 0; }
WEAK uint32_t hil_port_max_baud(void) { return 0; }
WEAK bool hil_port_set_baud(uint32_t baud) {
  (void)baud;
  return false;
}
WEAK bool hil_port_can_baud(uint32_t baud) { return baud >= 300 && baud <= hil_port_max_baud(); }
WEAK void hil_port_idle(void) {}
WEAK void hil_port_feed_watchdog(void) {}
