/* What an emulated board does while nothing is received.
 *
 * Each look at the UART takes QEMU's global lock, which its main loop needs as well to
 * deliver the next byte. A board that does nothing but look starves it; so it counts for
 * a while in between. It must not sleep (WFI): QEMU would move its clock by the host's. */
#ifndef HIL_BOARDS_IDLE_H_
#define HIL_BOARDS_IDLE_H_

static inline void idle_between_looks(void) {
  for (int i = 0; i < 30000; i++) __asm__ volatile("");
}

#endif /* HIL_BOARDS_IDLE_H_ */
