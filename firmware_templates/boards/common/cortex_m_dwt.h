/* The cycle counter of a Cortex-M3, M4 or M7 (Armv7-M manual, C1.8). */
#ifndef HIL_BOARDS_CORTEX_M_DWT_H_
#define HIL_BOARDS_CORTEX_M_DWT_H_

#include <stdbool.h>

#include "cortex_m.h"

#define DEMCR HIL_REGISTER(0xE000EDFC)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL HIL_REGISTER(0xE0001000)
#define DWT_CTRL_CYCCNTENA (1u << 0)
#define DWT_CYCCNT HIL_REGISTER(0xE0001004)

/* Starts it; false where it does not count: absent, locked or not emulated. */
static inline bool dwt_starts(void) {
  DEMCR |= DEMCR_TRCENA;
  DWT_CYCCNT = 0;
  DWT_CTRL |= DWT_CTRL_CYCCNTENA;
  uint32_t before = DWT_CYCCNT;
  for (volatile int i = 0; i < 10; i++) {
  }
  return DWT_CYCCNT != before;
}

#endif /* HIL_BOARDS_CORTEX_M_DWT_H_ */
