/* MLPerf Tiny's text protocol, on the same line as frames (docs/mlperf.md).
 *
 * A frame's second byte is its protocol version, 1, and a zero ends it; a text command has
 * neither byte and ends with a percent sign. Where the last thing that made sense was a
 * frame, unknown text is noise and not answered.
 */
#ifndef HIL_TEXT_H_
#define HIL_TEXT_H_

#include <stdint.h>

void hil_text_init(void);

/* Takes every byte of the line. Where it ends a command, works through it and has sent the
 * whole answer before it returns. */
void hil_text_take(uint8_t byte);

/* A good frame has come. */
void hil_text_heard_frame(void);

/* Keeps the clock: to be called more often than the counter of the port wraps. */
void hil_text_tick(void);

#endif /* HIL_TEXT_H_ */
