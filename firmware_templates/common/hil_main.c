#include "hil_main.h"

#include "hil_device.h"
#include "hil_port.h"
#include "hil_port_optional.h"
#include "hil_rate.h"
#include "hil_stack.h"
#include "hil_text.h"
#include "hil_timer.h"

void hil_main(void) {
  hil_stack_paint();
  hil_port_init();
  hil_timer_init();
  hil_device_init();
  for (;;) {
    int byte = hil_port_read();
    if (byte >= 0) {
      hil_device_take((uint8_t)byte);
    } else {
      hil_rate_check();
      hil_text_tick();
      hil_port_feed_watchdog();
      hil_port_idle();
    }
  }
}

/* For boards whose start-up code calls main. */
__attribute__((weak)) int main(void) { hil_main(); }
