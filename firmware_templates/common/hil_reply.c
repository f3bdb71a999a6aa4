#include "hil_reply.h"

#include <string.h>

#include "hil_port.h"

void hil_reply_begin(struct hil_reply *reply, uint8_t kind) {
  reply->size = 0;
  hil_put_u8(reply, HIL_PROTOCOL_VERSION);
  hil_put_u8(reply, kind);
  hil_put_u16(reply, reply->sequence);
}

static void put_text(struct hil_reply *reply, const char *text) {
  size_t size = strlen(text), room = hil_reply_room(reply);
  if (size > HIL_MOST_TEXT_BYTES) size = HIL_MOST_TEXT_BYTES;
  hil_put_bytes(reply, text, size < room ? size : room);
}

void hil_reply_refuse(struct hil_reply *reply, struct hil_refusal refusal) {
  hil_reply_begin(reply, HIL_ERROR);
  hil_put_u16(reply, (uint16_t)refusal.code);
  hil_put_u32(reply, refusal.detail);
  put_text(reply, refusal.text);
}

size_t hil_reply_room(const struct hil_reply *reply) {
  return HIL_LARGEST_PAYLOAD(reply->limit) - reply->size;
}

void hil_put_bytes(struct hil_reply *reply, const void *data, size_t size) {
  if (size > hil_reply_room(reply)) return;
  /* memmove: an ECHO's data lies already in the buffer that its reply is made in. */
  memmove(reply->buffer + HIL_FRAME_GUARD(reply->limit) + reply->size, data, size);
  reply->size += size;
}

static void put_number(struct hil_reply *reply, uint64_t value, uint8_t bytes) {
  uint8_t data[8];
  for (uint8_t i = 0; i < bytes; i++) data[i] = (uint8_t)(value >> 8 * i);
  hil_put_bytes(reply, data, bytes);
}

void hil_put_u8(struct hil_reply *reply, uint8_t value) { put_number(reply, value, 1); }
void hil_put_u16(struct hil_reply *reply, uint16_t value) { put_number(reply, value, 2); }
void hil_put_u32(struct hil_reply *reply, uint32_t value) { put_number(reply, value, 4); }
void hil_put_u64(struct hil_reply *reply, uint64_t value) { put_number(reply, value, 8); }

void hil_put_entry(struct hil_reply *reply, uint8_t key, uint64_t value, uint8_t bytes) {
  if (hil_reply_room(reply) < 2u + bytes) return;
  hil_put_u8(reply, key);
  hil_put_u8(reply, bytes);
  put_number(reply, value, bytes);
}

size_t hil_reply_send(struct hil_reply *reply) {
  size_t size = hil_frame_seal(reply->buffer, HIL_FRAME_GUARD(reply->limit), reply->size);
  hil_port_write(reply->buffer, size);
  return size;
}

void hil_reply_repeat(const uint8_t *frame, size_t size) { hil_port_write(frame, size); }

void hil_log(enum hil_log_level level, const char *text) {
  /* A buffer of its own: a log may come while a reply is being made. */
  static uint8_t buffer[HIL_FRAME_BUFFER(192)];
  struct hil_reply reply = {.buffer = buffer, .limit = 192};
  hil_reply_begin(&reply, HIL_LOG);
  hil_put_u8(&reply, (uint8_t)level);
  put_text(&reply, text);
  hil_reply_send(&reply);
}
