/* Whatever comes on the line, the device neither fails nor sends a damaged frame.
 *
 * The first byte of an input says how the rest is read: 0 as the bytes of the line; else
 * as records of a length, a length's high byte and a payload, each of which is framed
 * with the right CRC, so that the fuzzer reaches what is behind it. A record that begins
 * with the byte FE is a model: it is announced with the right size and SHA-256, sent and
 * committed.
 *
 * Built for libFuzzer, or with FUZZ_MAIN as a program: corpus folder, rounds, seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil_device.h"
#include "hil_port.h"
#include "hil_reply.h"
#include "hil_sha256.h"
#include "hil_timer.h"
#include "hil_wire.h"

enum { kModel = 0xFE, kChunk = 200, kMostPayload = HIL_LARGEST_PAYLOAD(HIL_MAX_FRAME_BYTES) };

static uint32_t ticks;

void hil_port_init(void) {}
int hil_port_read(void) { return -1; }
uint32_t hil_port_ticks(void) { return ticks += 7; }
uint32_t hil_port_ticks_per_second(void) { return 1000000; }
enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_DEVICE_CLOCK; }
void hil_port_exit(int status) {
  (void)status;
  abort(); /* nothing that comes on the line may be a fault */
}

/* A rate, so that BAUD is worked through too. */
static uint32_t rate;
uint32_t hil_port_baud(void);
uint32_t hil_port_max_baud(void);
_Bool hil_port_set_baud(uint32_t baud);
uint32_t hil_port_baud(void) { return rate; }
uint32_t hil_port_max_baud(void) { return 3000000; }
_Bool hil_port_set_baud(uint32_t baud) {
  rate = baud;
  return 1;
}

/* Every write is one whole good frame of a reply, an error or a log. */
void hil_port_write(const uint8_t *data, size_t size) {
  static uint8_t buffer[HIL_MAX_FRAME_BYTES];
  struct hil_receiver receiver;
  int32_t payload = -1;
  hil_receiver_init(&receiver, buffer, sizeof buffer);
  if (size > HIL_MAX_FRAME_BYTES) abort();
  for (size_t i = 0; i < size; i++) {
    if (payload >= 0) abort();
    payload = hil_receiver_take(&receiver, data[i]);
  }
  if (payload < 4 || buffer[0] != HIL_PROTOCOL_VERSION || buffer[1] < HIL_LOG) abort();
}

static void take_all(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) hil_device_take(data[i]);
}

static void send(const uint8_t *payload, size_t size) {
  static uint8_t frame[HIL_FRAME_BUFFER(HIL_MAX_FRAME_BYTES)];
  if (size > kMostPayload) size = kMostPayload;
  memcpy(frame + HIL_FRAME_GUARD(HIL_MAX_FRAME_BYTES), payload, size);
  take_all(frame, hil_frame_seal(frame, HIL_FRAME_GUARD(HIL_MAX_FRAME_BYTES), size));
}

static void send_model(const uint8_t *model, size_t size) {
  static uint8_t sequence;
  uint8_t payload[8 + kChunk] = {HIL_PROTOCOL_VERSION, HIL_LOAD_MODEL, ++sequence};
  hil_set_u32(payload + 4, (uint32_t)size);
  hil_sha256(model, size, payload + 8);
  send(payload, 40);
  payload[1] = HIL_CHUNK;
  for (size_t at = 0; at < size; at += kChunk) {
    size_t piece = size - at < kChunk ? size - at : kChunk;
    hil_set_u32(payload + 4, (uint32_t)at);
    memcpy(payload + 8, model + at, piece);
    send(payload, 8 + piece);
  }
  payload[1] = HIL_COMMIT;
  send(payload, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  rate = 115200;
  hil_timer_init();
  hil_device_init();
  if (size == 0) return 0;
  bool is_raw = data[0] == 0;
  data++;
  size--;
  if (is_raw) {
    take_all(data, size);
    return 0;
  }
  while (size >= 2) {
    size_t record = (size_t)(data[0] | data[1] << 8);
    data += 2;
    size -= 2;
    if (record > size) record = size;
    if (record > 0 && data[0] == kModel) {
      send_model(data + 1, record - 1);
    } else {
      send(data, record);
    }
    data += record;
    size -= record;
  }
  return 0;
}

#ifdef FUZZ_MAIN
#include <dirent.h>

enum { kMostInputs = 500, kMostBytes = 4096 };

static struct {
  uint8_t data[kMostBytes];
  size_t size;
} inputs[kMostInputs], input;

static uint64_t state;

static uint32_t chance(uint32_t below) {
  state ^= state << 13; /* xorshift64: the same rounds from the same seed */
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % below;
}

static size_t read_corpus(const char *folder) {
  size_t count = 0;
  DIR *entries = opendir(folder);
  if (entries == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(entries)) != NULL && count < kMostInputs;) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
    if (file == NULL) continue;
    inputs[count].size = fread(inputs[count].data, 1, kMostBytes, file);
    count += inputs[count].size > 0;
    fclose(file);
  }
  closedir(entries);
  return count;
}

/* Flips, overwrites, cuts, doubles a part, or goes on with a part of another input. */
static void mutate(size_t count) {
  size_t at = chance((uint32_t)input.size), size = input.size - at;
  switch (chance(5)) {
    case 0:
      input.data[at] ^= (uint8_t)(1u << chance(8));
      break;
    case 1:
      input.data[at] = (uint8_t)chance(256);
      break;
    case 2:
      if (at > 0) input.size = at;
      break;
    case 3:
      if (size > kMostBytes - input.size) size = kMostBytes - input.size;
      memmove(input.data + at + size, input.data + at, input.size - at);
      input.size += size;
      break;
    default: {
      size_t other = chance((uint32_t)count), from = chance((uint32_t)inputs[other].size);
      size = inputs[other].size - from;
      if (size > kMostBytes - at) size = kMostBytes - at;
      memcpy(input.data + at, inputs[other].data + from, size);
      if (at + size > input.size) input.size = at + size;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  size_t count = read_corpus(argv[1]);
  long rounds = strtol(argv[2], NULL, 10);
  state = strtoull(argv[3], NULL, 10) | 1;
  for (size_t i = 0; i < count; i++) LLVMFuzzerTestOneInput(inputs[i].data, inputs[i].size);
  for (long round = 0; count > 0 && round < rounds; round++) {
    input = inputs[chance((uint32_t)count)];
    for (uint32_t left = 1 + chance(4); left > 0; left--) mutate(count);
    LLVMFuzzerTestOneInput(input.data, input.size);
  }
  printf("%zu inputs, %ld rounds\n", count, rounds);
  return 0;
}
#endif
