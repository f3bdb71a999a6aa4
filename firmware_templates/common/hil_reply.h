/* What the device says: replies, errors and logs, each one whole frame.
 *
 * This is the only module that writes to the port. Everything runs in the main loop, so
 * one frame never cuts another; only hil_fault may come in the middle of one, and it
 * ends that one first.
 */
#ifndef HIL_REPLY_H_
#define HIL_REPLY_H_

#include <stddef.h>
#include <stdint.h>

#include "hil_build.h"
#include "hil_wire.h"

#define HIL_PROTOCOL_VERSION 1u
#define HIL_NO_DETAIL UINT32_MAX
#define HIL_MOST_TEXT_BYTES 160u

enum hil_kind {
  HIL_HELLO = 0x01,
  HIL_LOAD_MODEL,
  HIL_CHUNK,
  HIL_COMMIT,
  HIL_WRITE_INPUT,
  HIL_INVOKE,
  HIL_READ_OUTPUT,
  HIL_RUN,
  HIL_PROFILE,
  HIL_TENSOR,
  HIL_MEMORY,
  HIL_ECHO,
  HIL_BAUD,
  HIL_RESET,
  HIL_LOG = 0x7E,
  HIL_REPLY_BIT = 0x80,
  HIL_ERROR = 0xFF,
};

enum hil_error_code {
  HIL_FINE = 0, /* no error */
  HIL_MALFORMED = 1,
  HIL_UNKNOWN_REQUEST,
  HIL_WRONG_VERSION,
  HIL_DOES_NOT_FIT_FLASH,
  HIL_DOES_NOT_FIT_ARENA,
  HIL_UNSUPPORTED_OP,
  HIL_BAD_MODEL,
  HIL_WRONG_SHA256,
  HIL_NO_MODEL,
  HIL_OUT_OF_ORDER,
  HIL_NO_TRANSFER,
  HIL_BAD_TENSOR,
  HIL_OUT_OF_RANGE,
  HIL_NOT_SUPPORTED,
  HIL_INVOKE_FAILED,
  HIL_BAD_BAUD,
  HIL_INTERNAL,
};

enum hil_log_level { HIL_DEBUG = 0, HIL_INFO, HIL_WARNING, HIL_SEVERE };

/* Why a request is refused: an ERROR's fields; text is static and never NULL. */
struct hil_refusal {
  enum hil_error_code code;
  uint32_t detail;
  const char *text;
};

/* A frame that is being made. */
struct hil_reply {
  uint8_t *buffer; /* HIL_FRAME_BUFFER(limit) bytes */
  size_t limit;    /* the longest frame */
  size_t size;     /* of the payload so far; 0: there is nothing to say */
  uint16_t sequence;
};

/* Begins a message of this type anew, whatever stood there. */
void hil_reply_begin(struct hil_reply *reply, uint8_t kind);

/* Begins an ERROR anew, and ends it. */
void hil_reply_refuse(struct hil_reply *reply, struct hil_refusal refusal);

/* Bytes that still fit. What does not fit is left out as a whole. */
size_t hil_reply_room(const struct hil_reply *reply);

void hil_put_bytes(struct hil_reply *reply, const void *data, size_t size);
void hil_put_u8(struct hil_reply *reply, uint8_t value);
void hil_put_u16(struct hil_reply *reply, uint16_t value);
void hil_put_u32(struct hil_reply *reply, uint32_t value);
void hil_put_u64(struct hil_reply *reply, uint64_t value);

/* An entry of HELLO or MEMORY; `bytes` (1, 4 or 8) of value. */
void hil_put_entry(struct hil_reply *reply, uint8_t key, uint64_t value, uint8_t bytes);

/* Sends the frame and returns its size; it stands at the start of the buffer. */
size_t hil_reply_send(struct hil_reply *reply);

/* Sends a frame once more. */
void hil_reply_repeat(const uint8_t *frame, size_t size);

/* Sends a text for people. Longer ones are cut at HIL_MOST_TEXT_BYTES. */
void hil_log(enum hil_log_level level, const char *text);

#endif /* HIL_REPLY_H_ */
