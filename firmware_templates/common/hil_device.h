/* The device's side of docs/protocol.md: bytes in, answers out through the port. */
#ifndef HIL_DEVICE_H_
#define HIL_DEVICE_H_

#include <stdint.h>

/* Begins anew; call after hil_timer_init. */
void hil_device_init(void);

/* Takes one byte of the line. Where it ends a frame, works through it and has sent the
 * whole answer before it returns. */
void hil_device_take(uint8_t byte);

#endif /* HIL_DEVICE_H_ */
