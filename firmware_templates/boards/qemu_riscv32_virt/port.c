/* The port to QEMU's RISC-V virt machine with one 32-bit core. */
#include "hil_port.h"
#include "hil_port_optional.h"
#include "idle.h"

#if HIL_ICOUNT_SHIFT != 0
#error "this port counts instructions by minstret, which QEMU shows right at shift 0 only"
#endif

/* A 16550, its registers one byte each. QEMU keeps what the FIFO of 16 has no room for
 * in its socket or pty, so that nothing is lost however late we read. */
#define UART ((volatile uint8_t *)0x10000000)
#define UART_DATA 0
#define UART_FIFO_CONTROL 2
#define UART_LINE_STATUS 5
#define UART_RECEIVED 0x01u
#define UART_TRANSMITTER_EMPTY 0x20u
/* On, with the interrupt at 14 bytes. No interrupt is used, but the mark is also how much
 * QEMU delivers at once. */
#define UART_FIFO_ENABLE 0xC1u

/* QEMU's "test finisher": a word that is written there ends the emulator. */
#define FINISHER (*(volatile uint32_t *)0x00100000)
#define FINISHER_PASS 0x5555u
#define FINISHER_FAIL 0x3333u /* the status in the upper half */

void hil_port_init(void) { UART[UART_FIFO_CONTROL] = UART_FIFO_ENABLE; }

int hil_port_read(void) {
  return UART[UART_LINE_STATUS] & UART_RECEIVED ? UART[UART_DATA] : -1;
}

void hil_port_write(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    while (!(UART[UART_LINE_STATUS] & UART_TRANSMITTER_EMPTY)) {
    }
    UART[UART_DATA] = data[i];
  }
}

/* The hart's own counter of retired instructions. mtime, the other clock, has 10 MHz and
 * with any shift that makes it exact would wrap sooner. */
uint32_t hil_port_ticks(void) {
  uint32_t retired;
  __asm__ volatile("csrr %0, minstret" : "=r"(retired));
  return retired;
}

void hil_port_idle(void) { idle_between_looks(); }

uint32_t hil_port_ticks_per_second(void) { return 0; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_EMULATED_INSTRUCTIONS; }

void hil_port_exit(int status) {
  FINISHER = status == 0 ? FINISHER_PASS : (uint32_t)status << 16 | FINISHER_FAIL;
  for (;;) {
  }
}
