/* hil_wire.c for the vectors of tests/data: a line of hex in, lines of hex out.
 *
 *   e HEX   the frame of this payload
 *   d HEX   each payload in this stream, then "damaged N"
 *   f       every frame size to 2,100 with the largest payload, in buffers of exactly the
 *           sizes that the header names (a sanitizer watches); "all well"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil_wire.h"

enum { kFrame = 1024, kMostChars = 20000 };

static uint8_t data[kMostChars / 2];
static uint8_t buffer[HIL_FRAME_BUFFER(kFrame)];

static size_t unhex(const char *text) {
  size_t size = 0;
  unsigned byte;
  while (sscanf(text + 2 * size, "%2x", &byte) == 1) data[size++] = (uint8_t)byte;
  return size;
}

static void print(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
  printf("\n");
}

static int check_size(size_t frame_bytes, uint8_t fill) {
  size_t size = HIL_LARGEST_PAYLOAD(frame_bytes), guard = HIL_FRAME_GUARD(frame_bytes);
  uint8_t *made = malloc(HIL_FRAME_BUFFER(frame_bytes)), *taken = malloc(frame_bytes);
  struct hil_receiver receiver;
  int32_t found = -1;
  memset(made + guard, fill, size);
  size_t sent = hil_frame_seal(made, guard, size);
  hil_receiver_init(&receiver, taken, frame_bytes);
  for (size_t i = 0; i < sent; i++) found = hil_receiver_take(&receiver, made[i]);
  int good = sent <= frame_bytes && found == (int32_t)size;
  for (size_t i = 0; good && i < size; i++) good = taken[i] == fill;
  free(made);
  free(taken);
  return good;
}

static const char *check_sizes(void) {
  for (size_t frame_bytes = 256; frame_bytes <= 2100; frame_bytes++) {
    if (!check_size(frame_bytes, 1) || !check_size(frame_bytes, 0)) return "wrong";
  }
  return "all well";
}

int main(void) {
  char line[kMostChars];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (line[0] == 'f') {
      puts(check_sizes());
      continue;
    }
    size_t size = unhex(line + 2);
    if (line[0] == 'e') {
      memcpy(buffer + HIL_FRAME_GUARD(kFrame), data, size);
      print(buffer, hil_frame_seal(buffer, HIL_FRAME_GUARD(kFrame), size));
      continue;
    }
    struct hil_receiver receiver;
    hil_receiver_init(&receiver, buffer, kFrame);
    for (size_t i = 0; i < size; i++) {
      int32_t payload = hil_receiver_take(&receiver, data[i]);
      if (payload >= 0) print(buffer, (size_t)payload);
    }
    printf("damaged %u\n", (unsigned)receiver.damaged_frames);
  }
  return 0;
}
