/* What a board must provide. Nothing else in the firmware touches hardware.
 *
 * All functions are called from the main loop only, never from an interrupt. A board
 * may receive by interrupt or DMA into a buffer of its own; hil_port_read empties it.
 */
#ifndef HIL_PORT_H_
#define HIL_PORT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HIL_NORETURN [[noreturn]]
extern "C" {
#else
#define HIL_NORETURN _Noreturn
#endif

/* What one tick means; the numbers are those of HELLO's time basis. */
enum hil_time_basis {
  HIL_TICKS_NONE = 0, /* the counter does not move: no figure may be made of it */
  HIL_TICKS_CPU_CYCLES = 1,
  HIL_TICKS_DEVICE_CLOCK = 2,
  HIL_TICKS_HOST_CLOCK = 3,
  HIL_TICKS_EMULATED_INSTRUCTIONS = 4,
};

/* Clocks, pins, UART and timer; called once, first. */
void hil_port_init(void);

/* Returns one received byte, or -1 when none is waiting. Never blocks. */
int hil_port_read(void);

/* Sends all of data; returns when the last byte is handed to the hardware. */
void hil_port_write(const uint8_t *data, size_t size);

/* A counter of 32 bits that wraps; callers subtract unsigned, so what is timed must
 * take fewer than 2^32 ticks. */
uint32_t hil_port_ticks(void);

/* Ticks in a second; 0 where a tick is no time (emulated instructions). */
uint32_t hil_port_ticks_per_second(void);

/* What a tick is, found out at start: a cycle counter may be dead. */
enum hil_time_basis hil_port_time_basis(void);

/* Ends an emulator with this status; halts or resets a board. Does not return. */
HIL_NORETURN void hil_port_exit(int status);

#ifdef __cplusplus
}
#endif

#endif /* HIL_PORT_H_ */
