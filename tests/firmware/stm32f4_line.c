/* The STM32F4's port on a USART of this program's own: prints how often the interrupt was
 * taken and what it received.
 *
 * As in RM0090, 30.3.3 and 30.6: a byte that comes while one waits is lost, an overrun.
 * Both interrupt; an overrun ends where the status is read and then the data. */
#define HIL_BOARDS_CORTEX_M_H_ /* registers are calls here */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef void (*hil_vector)(void);
#define CORTEX_M_VECTORS 0
#define CORTEX_M_AIRCR HIL_REGISTER(0)
#define CORTEX_M_AIRCR_RESET 0u
#define HIL_REGISTER(address) (*touch(address))
static volatile uint32_t *touch(uint32_t address);

#include "stm32f4/port.c"

enum { kStatus = 0x40004400, kData = 0x40004404, kMostInterrupts = 100 };

static bool has_byte, is_overrun, status_was_read;
static bool comes_in_between; /* a byte, when the status has been read */
static uint8_t waiting;

static void arrives(uint8_t byte) {
  if (has_byte) {
    is_overrun = true;
    status_was_read = false;
  } else {
    waiting = byte;
    has_byte = true;
  }
}

static volatile uint32_t *touch(uint32_t address) {
  static volatile uint32_t value;
  value = 0;
  if (address == kStatus) {
    value = (has_byte ? USART2_SR_RXNE : 0) | (is_overrun ? USART2_SR_ORE : 0);
    status_was_read = true;
  } else if (address == kData) {
    if (comes_in_between) arrives('?');
    comes_in_between = false;
    value = waiting;
    has_byte = false;
    if (status_was_read) is_overrun = false;
  }
  return &value;
}

int main(int argc, char **argv) {
  int interrupts = 0;
  for (const char *at = argc > 1 ? argv[1] : ""; *at != 0; at++) {
    comes_in_between = *at == '!';
    if (*at == '+') { /* the core stood still for two bytes */
      arrives('+');
      arrives('?');
    } else {
      arrives((uint8_t)*at);
    }
    while ((has_byte || is_overrun) && interrupts < kMostInterrupts) {
      usart2_received();
      interrupts++;
    }
  }
  printf("%d ", interrupts);
  for (int byte = hil_port_read(); byte >= 0; byte = hil_port_read()) putchar(byte);
  return 0;
}
