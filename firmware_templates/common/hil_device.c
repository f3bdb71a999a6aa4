#include "hil_device.h"

#include <stdbool.h>
#include <string.h>

#include "hil_fault.h"
#include "hil_rate.h"
#include "hil_reply.h"
#include "hil_requests.h"
#include "hil_slot.h"
#include "hil_text.h"
#include "hil_wire.h"

enum { kHeadBytes = 4 };

/* How large the body of each request is, and who answers it. */
static const struct layout {
  uint8_t kind;
  uint8_t fixed_bytes;
  bool has_tail; /* data of any length behind */
  bool is_kept;  /* the answer is kept for a repetition (section 6.2) */
  void (*answer)(const struct hil_request *request, struct hil_reply *reply);
} layouts[] = {
    {HIL_HELLO, 0, false, true, hil_answer_hello},
    {HIL_LOAD_MODEL, 36, false, true, hil_answer_load_model},
    {HIL_CHUNK, 4, true, false, hil_answer_chunk},
    {HIL_COMMIT, 0, false, true, hil_answer_commit},
    {HIL_WRITE_INPUT, 5, true, true, hil_answer_write_input},
    {HIL_INVOKE, 2, false, true, hil_answer_invoke},
    {HIL_READ_OUTPUT, 9, false, true, hil_answer_read_output},
    {HIL_RUN, 9, true, false, hil_answer_run},
    {HIL_PROFILE, 2, false, true, hil_answer_profile},
    {HIL_TENSOR, 10, false, true, hil_answer_tensor},
    {HIL_MEMORY, 0, false, true, hil_answer_memory},
    {HIL_ECHO, 0, true, false, hil_answer_echo},
    {HIL_BAUD, 4, false, false, hil_answer_baud},
    {HIL_RESET, 0, false, true, hil_answer_reset},
};

/* A request is decoded in the first buffer. Its answer is made in the second, where it
 * stays for a repetition, or over the request itself where it is not kept. */
static uint8_t request_buffer[HIL_FRAME_BUFFER(HIL_MAX_FRAME_BYTES)];
static uint8_t kept_buffer[HIL_FRAME_BUFFER(HIL_MAX_FRAME_BYTES)];
static size_t kept_size; /* of the frame; 0: none */
static uint32_t kept_crc;
static struct hil_receiver receiver;

void hil_device_init(void) {
  hil_receiver_init(&receiver, request_buffer, HIL_MAX_FRAME_BYTES);
  kept_size = 0;
  hil_rate_confirm();
  hil_slot_forget();
  hil_requests_init();
  hil_text_init();
}

static const struct layout *layout_of(uint8_t kind) {
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
    if (layouts[i].kind == kind) return &layouts[i];
  }
  return NULL;
}

static void refuse(struct hil_reply *reply, enum hil_error_code code, uint32_t detail) {
  hil_reply_refuse(reply, (struct hil_refusal){code, detail, ""});
}

static void answer(const struct layout *layout, const struct hil_request *request,
                   struct hil_reply *reply) {
  if (layout == NULL) {
    refuse(reply, HIL_UNKNOWN_REQUEST, request->kind);
  } else if (request->size < layout->fixed_bytes ||
             (request->size > layout->fixed_bytes && !layout->has_tail)) {
    refuse(reply, HIL_MALFORMED, request->kind);
  } else {
    layout->answer(request, reply);
  }
}

static void work_through(const uint8_t *payload, size_t size) {
  struct hil_request request = {
      .kind = payload[1], .body = payload + kHeadBytes, .size = (uint32_t)(size - kHeadBytes)};
  struct hil_reply reply = {
      .buffer = request_buffer, .limit = HIL_MAX_FRAME_BYTES, .sequence = hil_get_u16(payload + 2)};
  if (request.kind >= HIL_LOG) return; /* no request: an answer could go round in circles */
  hil_fault_answers(reply.sequence);
  if (payload[0] != HIL_PROTOCOL_VERSION) {
    refuse(&reply, HIL_WRONG_VERSION, HIL_PROTOCOL_VERSION);
    hil_reply_send(&reply);
    return;
  }
  const struct layout *layout = layout_of(request.kind);
  bool is_kept = layout == NULL || layout->is_kept;
  uint32_t crc = is_kept ? hil_crc32(payload, size) : 0;
  if (is_kept && kept_size > 0 && crc == kept_crc) {
    hil_reply_repeat(kept_buffer, kept_size);
    return;
  }
  if (is_kept) {
    kept_size = 0; /* its buffer is written anew; after a fault nothing is kept */
    reply.buffer = kept_buffer;
  }
  answer(layout, &request, &reply);
  size_t sent = reply.size > 0 ? hil_reply_send(&reply) : 0;
  if (is_kept) {
    kept_size = sent;
    kept_crc = crc;
  }
  hil_requests_finish(); /* what must wait until the answer is out */
}

void hil_device_take(uint8_t byte) {
  int32_t size = hil_receiver_take(&receiver, byte);
  hil_text_take(byte);
  if (size < 0) return;
  hil_rate_confirm();
  hil_text_heard_frame();
  if (size >= kHeadBytes) work_through(request_buffer, (size_t)size);
}
