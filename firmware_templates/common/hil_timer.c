#include "hil_timer.h"

/* A counter of milliseconds on a core of 20 MHz moves within this many readings. */
enum { kMostReadings = 100000, kPairs = 32 };

static enum hil_time_basis basis;
static uint32_t overhead;

void hil_timer_init(void) {
  uint32_t start = hil_port_ticks();
  basis = HIL_TICKS_NONE;
  for (int i = 0; i < kMostReadings && basis == HIL_TICKS_NONE; i++) {
    if (hil_port_ticks() != start) basis = hil_port_time_basis();
  }
  overhead = UINT32_MAX;
  for (int i = 0; i < kPairs; i++) {
    uint32_t first = hil_port_ticks();
    uint32_t between = hil_port_ticks() - first;
    if (between < overhead) overhead = between;
  }
}

enum hil_time_basis hil_timer_basis(void) { return basis; }

uint32_t hil_timer_overhead(void) { return overhead; }
