/* Bytes that came while the core computed: an interrupt puts, hil_port_read takes. One
 * interrupt a byte costs about 30 cycles of what is timed; only bytes that come during a
 * run do. Included by one port.c. */
#ifndef HIL_BOARDS_RECEIVE_RING_H_
#define HIL_BOARDS_RECEIVE_RING_H_

#include <stdbool.h>
#include <stdint.h>

static volatile uint8_t ring_bytes[HIL_RX_BUFFER_BYTES];
static volatile uint32_t ring_end;
static uint32_t ring_begin;

static inline void ring_put(uint8_t byte) {
  ring_bytes[ring_end % sizeof ring_bytes] = byte;
  ring_end++;
}

static inline bool ring_is_empty(void) { return ring_begin == ring_end; }

/* Returns the oldest byte, or -1 where there is none. */
static inline int ring_take(void) {
  return ring_is_empty() ? -1 : ring_bytes[ring_begin++ % sizeof ring_bytes];
}

#endif /* HIL_BOARDS_RECEIVE_RING_H_ */
