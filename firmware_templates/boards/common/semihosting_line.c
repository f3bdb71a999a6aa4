/* The line of a board that exists in an emulator only: the emulator's standard input and
 * output, by semihosting. It has no rate and carries a whole frame in one call, where an
 * emulated UART costs QEMU a pass of its main loop for every byte (docs/decisions/005). */
#include "hil_port.h"
#include "hil_port_optional.h"
#include "semihosting.h"

enum { kOpenToRead = 1, kOpenToWrite = 5, kHostIsGone = 0 };

static uint8_t received[4096];
static uint32_t received_begin, received_end;

static uint32_t open_console(uint32_t mode) {
  static const char console[] = ":tt";
  const uint32_t parameters[] = {(uint32_t)(uintptr_t)console, mode, sizeof console - 1};
  return semihosting(SEMIHOSTING_OPEN, parameters);
}

int hil_port_read(void) {
  return received_begin < received_end ? received[received_begin++] : -1;
}

/* Waits for the host for as long as it takes: the emulator stands still meanwhile, its
 * clock too. */
void hil_port_idle(void) {
  static uint32_t input;
  if (input == 0) input = open_console(kOpenToRead);
  const uint32_t parameters[] = {input, (uint32_t)(uintptr_t)received, sizeof received};
  received_begin = 0;
  received_end = sizeof received - semihosting(SEMIHOSTING_READ, parameters);
  if (received_end == 0) hil_port_exit(kHostIsGone);
}

void hil_port_write(const uint8_t *data, size_t size) {
  static uint32_t output;
  if (output == 0) output = open_console(kOpenToWrite);
  while (size > 0) {
    const uint32_t parameters[] = {output, (uint32_t)(uintptr_t)data, size};
    uint32_t left = semihosting(SEMIHOSTING_WRITE, parameters);
    if (left >= size) hil_port_exit(kHostIsGone);
    data += size - left;
    size = left;
  }
}

void hil_port_exit(int status) {
  semihosting_exit(status);
  for (;;) {
  }
}
