/* The UART of Arm's CMSDK (Cortex-M System Design Kit, 4.3), as QEMU's MPS2 and MPS3
 * machines have it.
 *
 * It holds one received byte. On a board that would lose bytes while the core computes;
 * QEMU takes a byte from its socket or pty only when that one is read, so that what
 * the host sends waits there and nothing is lost however late the firmware reads. The
 * socket's buffer is thus the receive buffer. QEMU ignores the baud rate.
 */
#ifndef HIL_BOARDS_CMSDK_UART_H_
#define HIL_BOARDS_CMSDK_UART_H_

#include <stddef.h>
#include <stdint.h>

struct cmsdk_uart {
  volatile uint32_t data;
  volatile uint32_t state; /* bit 0: transmit buffer full, bit 1: receive buffer full */
  volatile uint32_t ctrl;  /* bit 0: transmit, bit 1: receive */
  volatile uint32_t interrupts;
  volatile uint32_t bauddiv; /* 16 at least, or nothing is received or sent */
};

static inline void cmsdk_uart_init(struct cmsdk_uart *uart) {
  uart->bauddiv = 16;
  uart->ctrl = 3;
}

static inline int cmsdk_uart_read(struct cmsdk_uart *uart) {
  return uart->state & 2u ? (int)(uart->data & 0xFFu) : -1;
}

static inline void cmsdk_uart_write(struct cmsdk_uart *uart, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    while (uart->state & 1u) {
    }
    uart->data = data[i];
  }
}

#endif /* HIL_BOARDS_CMSDK_UART_H_ */
