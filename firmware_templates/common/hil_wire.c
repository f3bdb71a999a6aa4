#include "hil_wire.h"

enum { kFullBlock = 0xFF };

uint16_t hil_get_u16(const uint8_t *data) { return (uint16_t)(data[0] | data[1] << 8); }

uint32_t hil_get_u32(const uint8_t *data) {
  return hil_get_u16(data) | (uint32_t)hil_get_u16(data + 2) << 16;
}

void hil_set_u32(uint8_t *data, uint32_t value) {
  for (int i = 0; i < 4; i++) data[i] = (uint8_t)(value >> 8 * i);
}

uint32_t hil_crc32(const uint8_t *data, size_t size) {
  /* Half a byte at a time: 64 bytes of table instead of 1,024, and fast enough for any
   * UART. */
  static const uint32_t table[16] = {
      0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
      0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
      0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
  };
  uint32_t crc = 0xFFFFFFFF;
  for (size_t i = 0; i < size; i++) {
    crc ^= data[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return ~crc;
}

/* Reads `in`, writes `out`, which may be the same memory as long as it lies at least
 * HIL_FRAME_GUARD bytes before `in`. */
static size_t cobs_encode(uint8_t *out, const uint8_t *in, size_t size) {
  size_t code_at = 0, end = 1;
  uint8_t code = 1;
  for (size_t i = 0; i < size; i++) {
    uint8_t byte = in[i];
    if (byte != 0) {
      out[end++] = byte;
      code++;
    }
    if (byte == 0 || code == kFullBlock) {
      out[code_at] = code;
      code_at = end++;
      code = 1;
    }
  }
  out[code_at] = code;
  return end;
}

size_t hil_frame_seal(uint8_t *buffer, size_t guard, size_t payload_size) {
  uint8_t *payload = buffer + guard;
  hil_set_u32(payload + payload_size, hil_crc32(payload, payload_size));
  size_t size = cobs_encode(buffer, payload, payload_size + HIL_CRC_BYTES);
  buffer[size] = 0;
  return size + 1;
}

static int32_t cobs_decode(uint8_t *data, size_t size) {
  size_t in = 0, out = 0;
  while (in < size) {
    uint8_t code = data[in++];
    if (code == 0 || (size_t)code - 1 > size - in) return -1;
    for (uint8_t i = 1; i < code; i++) data[out++] = data[in++];
    if (code < kFullBlock && in < size) data[out++] = 0;
  }
  return (int32_t)out;
}

/* Returns the size of the payload that stands at `data` afterwards, or -1. */
static int32_t open_frame(uint8_t *data, size_t size) {
  int32_t body_size = cobs_decode(data, size);
  if (body_size < (int32_t)HIL_CRC_BYTES) return -1;
  size_t payload_size = (size_t)body_size - HIL_CRC_BYTES;
  if (hil_crc32(data, payload_size) != hil_get_u32(data + payload_size)) return -1;
  return (int32_t)payload_size;
}

void hil_receiver_init(struct hil_receiver *receiver, uint8_t *buffer, size_t capacity) {
  receiver->buffer = buffer;
  receiver->capacity = capacity;
  receiver->size = 0;
  receiver->overlong = false;
  receiver->damaged_frames = 0;
}

int32_t hil_receiver_take(struct hil_receiver *receiver, uint8_t byte) {
  if (byte != 0) {
    if (receiver->overlong) return -1;
    receiver->buffer[receiver->size++] = byte;
    if (receiver->size == receiver->capacity) { /* no room for its zero */
      receiver->overlong = true;
      receiver->size = 0;
      receiver->damaged_frames++;
    }
    return -1;
  }
  size_t size = receiver->size;
  receiver->size = 0;
  receiver->overlong = false;
  if (size == 0) return -1; /* an empty frame, or the end of one too long */
  int32_t payload_size = open_frame(receiver->buffer, size);
  if (payload_size < 0) receiver->damaged_frames++;
  return payload_size;
}
