#include "hil_requests.h"

#include <stdbool.h>
#include <string.h>

#include "hil_engine.h"
#include "hil_port.h"
#include "hil_port_optional.h"
#include "hil_rate.h"
#include "hil_slot.h"
#include "hil_stack.h"
#include "hil_timer.h"

enum { kHeadBytes = 4, kRunHeadBytes = 24, kTicksBytes = 8, kRewind = 1 };

/* The keys of HELLO and MEMORY (section 4). */
enum {
  kProtocolVersion = 1,
  kBuildId,
  kBoard,
  kEngine,
  kTimeBasis,
  kTicksPerSecond,
  kRam,
  kFlash,
  kArenaCapacity,
  kModelSha256,
  kRxBuffer,
  kMaxFrame,
  kInputSizes,
  kOutputSizes,
  kBaud,
  kMaxBaud,
};
enum { kArenaBytes = 1, kArenaPersistentBytes, kArenaNonpersistentBytes, kStackBytes };

static struct {
  uint32_t run_id; /* the RUN that is expected next */
  uint32_t offset;
  bool gap;
} expected;

static uint32_t baud_to_switch_to; /* 0: none */

static void expect(uint32_t run_id, uint32_t offset) {
  expected.run_id = run_id;
  expected.offset = offset;
  expected.gap = false;
}

void hil_requests_init(void) {
  expect(0, 0);
  baud_to_switch_to = 0;
}

void hil_requests_finish(void) {
  if (baud_to_switch_to == 0) return;
  hil_rate_switch(baud_to_switch_to);
  baud_to_switch_to = 0;
}

/* Where it is refused, the reply becomes the ERROR. */
static bool is_refused(struct hil_reply *reply, struct hil_refusal refusal) {
  if (refusal.code == HIL_FINE) return false;
  hil_reply_refuse(reply, refusal);
  return true;
}

static void refuse(struct hil_reply *reply, enum hil_error_code code, uint32_t detail,
                   const char *text) {
  hil_reply_refuse(reply, (struct hil_refusal){code, detail, text});
}

static void begin(struct hil_reply *reply, enum hil_kind kind) {
  hil_reply_begin(reply, (uint8_t)(kind | HIL_REPLY_BIT));
}

static size_t room_behind_head(const struct hil_reply *reply) {
  return HIL_LARGEST_PAYLOAD(reply->limit) - kHeadBytes;
}

/* ---- HELLO ---------------------------------------------------------------------- */

static void put_sizes(struct hil_reply *reply, uint8_t key, uint32_t count,
                      struct hil_bytes (*tensor)(uint32_t)) {
  if (!hil_slot_is_loaded()) return;
  hil_put_u8(reply, key);
  hil_put_u8(reply, (uint8_t)(4 * count));
  for (uint32_t i = 0; i < count; i++) hil_put_u32(reply, tensor(i).size);
}

/* Cuts what does not fit: the rest of HELLO matters more than a long name. */
static void put_text(struct hil_reply *reply, uint8_t key, const char *text) {
  size_t size = strlen(text), room = hil_reply_room(reply);
  if (room < 2) return;
  if (size > room - 2) size = room - 2;
  if (size > UINT8_MAX) size = UINT8_MAX;
  hil_put_u8(reply, key);
  hil_put_u8(reply, (uint8_t)size);
  hil_put_bytes(reply, text, size);
}

static void put_time(struct hil_reply *reply) {
  if (hil_timer_basis() == HIL_TICKS_NONE) return;
  hil_put_entry(reply, kTimeBasis, hil_timer_basis(), 1);
  uint32_t per_second = hil_port_ticks_per_second();
  if (per_second != 0) hil_put_entry(reply, kTicksPerSecond, per_second, 8);
}

/* Part of every figure, and taken off none: whoever reads a log can judge. */
static void log_overhead(void) {
  static const char words[] = "ticks to read the timer: ";
  char text[sizeof words + 10]; /* the digits of 32 bits */
  char digits[10];
  size_t size = sizeof words - 1, count = 0;
  uint32_t rest = hil_timer_overhead();
  memcpy(text, words, size);
  do {
    digits[count++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  while (count > 0) text[size++] = digits[--count];
  text[size] = 0;
  hil_log(HIL_DEBUG, text);
}

void hil_answer_hello(const struct hil_request *request, struct hil_reply *reply) {
  (void)request;
  if (hil_timer_basis() != HIL_TICKS_NONE) log_overhead();
  begin(reply, HIL_HELLO);
  hil_put_entry(reply, kProtocolVersion, HIL_PROTOCOL_VERSION, 1);
  put_time(reply);
  hil_put_entry(reply, kRam, HIL_RAM_BYTES, 4);
  hil_put_entry(reply, kFlash, HIL_FLASH_BYTES, 4);
  hil_put_entry(reply, kArenaCapacity, HIL_ARENA_BYTES, 4);
  hil_put_entry(reply, kRxBuffer, HIL_RX_BUFFER_BYTES, 4);
  hil_put_entry(reply, kMaxFrame, HIL_MAX_FRAME_BYTES, 4);
  if (hil_port_baud() != 0) {
    hil_put_entry(reply, kBaud, hil_port_baud(), 4);
    hil_put_entry(reply, kMaxBaud, hil_port_max_baud(), 4);
  }
  if (hil_slot_is_loaded()) {
    hil_put_u8(reply, kModelSha256);
    hil_put_u8(reply, 32);
    hil_put_bytes(reply, hil_slot_sha256(), 32);
    put_sizes(reply, kInputSizes, hil_engine_input_count(), hil_engine_input);
    put_sizes(reply, kOutputSizes, hil_engine_output_count(), hil_engine_output);
  }
  put_text(reply, kEngine, hil_engine_name());
  put_text(reply, kBoard, HIL_BOARD_NAME);
  put_text(reply, kBuildId, HIL_BUILD_ID);
}

/* ---- the model ------------------------------------------------------------------ */

void hil_answer_load_model(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t next_offset;
  uint32_t size = hil_get_u32(request->body);
  if (is_refused(reply, hil_slot_begin(size, request->body + 4, &next_offset))) return;
  begin(reply, HIL_LOAD_MODEL);
  hil_put_u32(reply, next_offset);
}

void hil_answer_chunk(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t next_offset;
  uint32_t offset = hil_get_u32(request->body);
  struct hil_refusal refusal =
      hil_slot_write(offset, request->body + 4, request->size - 4, &next_offset);
  if (is_refused(reply, refusal)) return;
  begin(reply, HIL_CHUNK);
  hil_put_u32(reply, next_offset);
}

static void put_arena(struct hil_reply *reply) {
  if (!hil_slot_is_loaded()) return;
  struct hil_engine_memory memory = hil_engine_memory();
  hil_put_entry(reply, kArenaBytes, memory.arena_bytes, 8);
  if (memory.split_known) {
    hil_put_entry(reply, kArenaPersistentBytes, memory.arena_persistent_bytes, 8);
    hil_put_entry(reply, kArenaNonpersistentBytes, memory.arena_nonpersistent_bytes, 8);
  }
}

static void put_memory(struct hil_reply *reply) {
  uint32_t stack_bytes;
  put_arena(reply);
  if (hil_stack_used(&stack_bytes)) hil_put_entry(reply, kStackBytes, stack_bytes, 8);
}

void hil_answer_commit(const struct hil_request *request, struct hil_reply *reply) {
  (void)request;
  expect(0, 0);
  if (is_refused(reply, hil_slot_commit())) return;
  begin(reply, HIL_COMMIT);
  put_memory(reply);
}

void hil_answer_memory(const struct hil_request *request, struct hil_reply *reply) {
  (void)request;
  begin(reply, HIL_MEMORY);
  put_memory(reply);
}

void hil_answer_reset(const struct hil_request *request, struct hil_reply *reply) {
  (void)request;
  hil_slot_forget();
  expect(0, 0);
  begin(reply, HIL_RESET);
}

/* ---- runs ----------------------------------------------------------------------- */

void hil_answer_write_input(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t offset = hil_get_u32(request->body + 1), size = request->size - 5;
  if (is_refused(reply, hil_slot_stage(request->body[0], offset, request->body + 5, size))) return;
  begin(reply, HIL_WRITE_INPUT);
  hil_put_u32(reply, offset + size);
}

void hil_answer_invoke(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t n = hil_get_u16(request->body);
  uint32_t most = (uint32_t)room_behind_head(reply) / kTicksBytes;
  if (n > most) {
    refuse(reply, HIL_OUT_OF_RANGE, most, "");
    return;
  }
  begin(reply, HIL_INVOKE);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t ticks;
    if (is_refused(reply, hil_slot_run(&ticks))) return;
    hil_put_u64(reply, ticks);
  }
}

void hil_answer_read_output(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t length = hil_get_u32(request->body + 5);
  uint32_t most = (uint32_t)room_behind_head(reply);
  if (length > most) {
    refuse(reply, HIL_OUT_OF_RANGE, most, "");
    return;
  }
  begin(reply, HIL_READ_OUTPUT);
  is_refused(reply,
             hil_slot_put_output(reply, request->body[0], hil_get_u32(request->body + 1), length));
}

static void begin_run_reply(struct hil_reply *reply, uint32_t run_id, uint32_t ticks,
                            uint32_t offset, uint32_t total) {
  begin(reply, HIL_RUN);
  hil_put_u32(reply, run_id);
  hil_put_u64(reply, ticks);
  hil_put_u32(reply, offset);
  hil_put_u32(reply, total);
}

static void answer_outputs(struct hil_reply *reply, uint32_t run_id, uint32_t ticks) {
  uint32_t total = hil_slot_output_bytes();
  uint32_t most = (uint32_t)HIL_LARGEST_PAYLOAD(reply->limit) - kRunHeadBytes;
  for (uint32_t offset = 0; offset < total; offset += most) {
    uint32_t piece = total - offset < most ? total - offset : most;
    begin_run_reply(reply, run_id, ticks, offset, total);
    hil_slot_put_outputs(reply, offset, piece);
    if (offset + piece < total) hil_reply_send(reply); /* the last one goes as any reply */
  }
}

void hil_answer_run(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t run_id = hil_get_u32(request->body);
  uint32_t offset = hil_get_u32(request->body + 5);
  uint32_t size = request->size - 9, needed = hil_slot_input_bytes(), ticks;
  if (!hil_slot_is_loaded()) {
    refuse(reply, HIL_NO_MODEL, HIL_NO_DETAIL, "");
    return;
  }
  if (request->body[4] & kRewind) expect(run_id, 0);
  if (run_id != expected.run_id || offset != expected.offset) {
    bool was_told = expected.gap;
    expected.gap = true;
    if (!was_told) refuse(reply, HIL_OUT_OF_ORDER, expected.run_id, "");
    return;
  }
  expected.gap = false;
  if (size > needed - offset) {
    refuse(reply, HIL_OUT_OF_RANGE, needed, "");
    return;
  }
  hil_slot_stage_piece(offset, request->body + 9, size);
  if (offset + size < needed) {
    expect(run_id, offset + size);
    begin_run_reply(reply, run_id, 0, 0, 0);
    return;
  }
  expect(run_id + 1, 0);
  if (is_refused(reply, hil_slot_run(&ticks))) return;
  answer_outputs(reply, run_id, ticks);
}

void hil_answer_profile(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t first = hil_get_u16(request->body);
  if (hil_timer_basis() == HIL_TICKS_NONE) {
    refuse(reply, HIL_NOT_SUPPORTED, HIL_PROFILE, "the counter stands still");
    return;
  }
  if (first == 0 && is_refused(reply, hil_slot_profile())) return;
  uint32_t operators = hil_slot_has_profile() ? hil_engine_op_count() : 0;
  if (first > operators) {
    refuse(reply, HIL_OUT_OF_RANGE, operators, "");
    return;
  }
  begin(reply, HIL_PROFILE);
  hil_put_u16(reply, (uint16_t)operators);
  for (uint32_t i = first; i < operators && hil_reply_room(reply) >= kTicksBytes; i++) {
    hil_put_u64(reply, hil_slot_profile_ticks(i));
  }
}

void hil_answer_tensor(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t offset = hil_get_u32(request->body + 2), length = hil_get_u32(request->body + 6);
  struct hil_bytes tensor;
  if (is_refused(reply, hil_slot_tensor(hil_get_u16(request->body), &tensor))) return;
  uint32_t left = offset < tensor.size ? tensor.size - offset : 0;
  begin(reply, HIL_TENSOR);
  hil_put_u32(reply, tensor.size);
  uint32_t room = (uint32_t)hil_reply_room(reply);
  if (length > room) length = room;
  if (length > left) length = left;
  if (length > 0) hil_put_bytes(reply, tensor.data + offset, length);
}

/* ---- the link ------------------------------------------------------------------- */

void hil_answer_echo(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t size = request->size, most = (uint32_t)room_behind_head(reply);
  if (size > most) { /* a frame without a zero holds a byte more than one with zeros */
    refuse(reply, HIL_OUT_OF_RANGE, most, "");
    return;
  }
  /* The data stand where the reply's head goes: they move first. */
  uint8_t *data = reply->buffer + HIL_FRAME_GUARD(reply->limit) + kHeadBytes;
  memmove(data, request->body, size);
  begin(reply, HIL_ECHO);
  hil_put_bytes(reply, data, size);
}

void hil_answer_baud(const struct hil_request *request, struct hil_reply *reply) {
  uint32_t baud = hil_get_u32(request->body);
  if (!hil_rate_is_supported()) {
    refuse(reply, HIL_NOT_SUPPORTED, HIL_BAUD, "");
  } else if (!hil_port_can_baud(baud)) {
    refuse(reply, HIL_BAD_BAUD, hil_port_max_baud(), "");
  } else {
    begin(reply, HIL_BAUD);
    hil_put_u32(reply, baud);
    baud_to_switch_to = baud;
  }
}
