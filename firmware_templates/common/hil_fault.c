#include "hil_fault.h"

#include <stdbool.h>

#include "hil_reply.h"

static volatile uint16_t current_sequence;
static volatile bool is_faulting;

/* Static: after a stack overflow there is no stack to spare. */
static char text[HIL_MOST_TEXT_BYTES + 1];
static uint8_t frame[HIL_FRAME_BUFFER(192)];

enum { kRegisterChars = 9 }; /* a blank and eight digits */

static void describe(const char *what, const uint32_t *registers, size_t count) {
  static const char digits[] = "0123456789abcdef";
  size_t size = 0;
  while (*what != 0 && size < HIL_MOST_TEXT_BYTES) text[size++] = *what++;
  for (size_t i = 0; i < count && size + kRegisterChars <= HIL_MOST_TEXT_BYTES; i++) {
    text[size++] = ' ';
    for (int shift = 28; shift >= 0; shift -= 4) text[size++] = digits[registers[i] >> shift & 15];
  }
  text[size] = 0;
}

void hil_fault_answers(uint16_t sequence) { current_sequence = sequence; }

void hil_fault(const char *what, const uint32_t *registers, size_t count) {
  static const uint8_t end_of_frame = 0;
  if (!is_faulting) {
    is_faulting = true;
    describe(what, registers, count);
    /* It may have happened in the middle of a frame: that one ends here, damaged. */
    hil_port_write(&end_of_frame, 1);
    struct hil_reply reply = {.buffer = frame, .limit = 192, .sequence = current_sequence};
    hil_reply_refuse(&reply, (struct hil_refusal){HIL_INTERNAL, HIL_NO_DETAIL, text});
    hil_reply_send(&reply);
  }
  hil_port_exit(HIL_FAULT_STATUS);
}
