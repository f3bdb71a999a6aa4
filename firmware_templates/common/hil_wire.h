/* Frames: CRC-32, COBS and a zero at the end (docs/protocol.md, section 1). No I/O.
 *
 * Both directions work in place, so that a frame needs one buffer.
 */
#ifndef HIL_WIRE_H_
#define HIL_WIRE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIL_CRC_BYTES 4u

/* Where a payload begins in a buffer for frames of at most `frame` bytes: COBS, written
 * from the start of the buffer on, may be that much ahead of what it reads. */
#define HIL_FRAME_GUARD(frame) ((frame) / 254u + 1u)

/* Bytes of a buffer in which a frame of at most `frame` bytes is made. */
#define HIL_FRAME_BUFFER(frame) ((frame) + 2u)

/* The largest payload whose frame has at most `frame` bytes whatever it holds. */
#define HIL_LARGEST_PAYLOAD(frame) ((frame)-2u - ((frame)-1u) / 255u - HIL_CRC_BYTES)

/* CRC-32 of zlib and Ethernet. */
uint32_t hil_crc32(const uint8_t *data, size_t size);

/* Makes a frame of the payload at buffer + guard, from buffer[0] on; returns its size
 * with the zero. The CRC is written behind the payload first. */
size_t hil_frame_seal(uint8_t *buffer, size_t guard, size_t payload_size);

/* Gathers the bytes of one frame at a time. */
struct hil_receiver {
  uint8_t *buffer;
  size_t capacity; /* of the buffer: the longest frame, its zero included */
  size_t size;     /* bytes so far of the frame that has begun */
  bool overlong;   /* what follows up to the next zero belongs to a frame too long */
  uint32_t damaged_frames;
};

void hil_receiver_init(struct hil_receiver *receiver, uint8_t *buffer, size_t capacity);

/* Takes one byte. Returns the size of a payload when it ended a good frame, else -1. The
 * payload stands at the start of the buffer until the next byte is taken. */
int32_t hil_receiver_take(struct hil_receiver *receiver, uint8_t byte);

/* Little-endian numbers at any address. */
uint16_t hil_get_u16(const uint8_t *data);
uint32_t hil_get_u32(const uint8_t *data);
void hil_set_u32(uint8_t *data, uint32_t value);

#endif /* HIL_WIRE_H_ */
