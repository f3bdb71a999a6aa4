#include "hil_slot.h"

#include <string.h>

#include "hil_port.h"
#include "hil_port_optional.h"
#include "hil_sha256.h"

/* Not static, so that they stand in the map with names of their own. */
_Alignas(16) uint8_t hil_arena[HIL_ARENA_BYTES];
_Alignas(16) uint8_t hil_staging[HIL_STAGING_BYTES];
#if HIL_MODEL_SLOT_BYTES > 0
_Alignas(16) uint8_t hil_model_slot[HIL_MODEL_SLOT_BYTES];
#endif

static struct {
  bool announced;
  bool is_builtin; /* the announced one is linked into the image */
  bool loaded;
  bool has_run;       /* since it was loaded */
  bool has_profile;   /* likewise */
  bool tensors_fresh; /* they belong to the staged inputs */
  uint32_t size;
  uint32_t received;
  uint8_t sha256[HIL_SHA256_BYTES];
} slot;

static uint32_t op_ticks[HIL_PROFILE_ENTRIES];
static uint32_t op_began;

static const struct hil_refusal kFine = {HIL_FINE, HIL_NO_DETAIL, ""};

static struct hil_refusal refused(enum hil_error_code code, uint32_t detail, const char *text) {
  return (struct hil_refusal){code, detail, text};
}

static struct hil_refusal no_model(void) { return refused(HIL_NO_MODEL, HIL_NO_DETAIL, ""); }

/* What the engine says, in the protocol's codes. */
static struct hil_refusal of_engine(struct hil_engine_error error) {
  switch (error.status) {
    case HIL_ENGINE_OK:
      return kFine;
    case HIL_ENGINE_DOES_NOT_FIT_ARENA:
      return refused(HIL_DOES_NOT_FIT_ARENA, error.detail, error.text);
    case HIL_ENGINE_UNSUPPORTED_OP:
      return refused(HIL_UNSUPPORTED_OP, error.detail, error.text);
    case HIL_ENGINE_BAD_MODEL:
      return refused(HIL_BAD_MODEL, HIL_NO_DETAIL, error.text);
    case HIL_ENGINE_INVOKE_FAILED:
      break;
  }
  return refused(HIL_INVOKE_FAILED, HIL_NO_DETAIL, error.text);
}

void hil_slot_forget(void) { memset(&slot, 0, sizeof slot); }

bool hil_slot_is_loaded(void) { return slot.loaded; }

const uint8_t *hil_slot_sha256(void) { return slot.loaded ? slot.sha256 : NULL; }

static bool is_builtin(uint32_t size, const uint8_t *sha256) {
  struct hil_engine_builtin builtin = hil_engine_builtin();
  return builtin.sha256 != NULL && builtin.size == size &&
         memcmp(builtin.sha256, sha256, HIL_SHA256_BYTES) == 0;
}

struct hil_refusal hil_slot_begin(uint32_t size, const uint8_t *sha256, uint32_t *next_offset) {
  bool is_same =
      slot.announced && slot.size == size && memcmp(slot.sha256, sha256, HIL_SHA256_BYTES) == 0;
  if (!is_same) {
    bool builtin = is_builtin(size, sha256);
    if (!builtin) {
      if (HIL_MODEL_SLOT_BYTES == 0 || !hil_engine_takes_models()) {
        return refused(HIL_NOT_SUPPORTED, HIL_LOAD_MODEL,
                       "this image runs no model but the one that is built into it");
      }
      if (size > HIL_MODEL_SLOT_BYTES) {
        return refused(HIL_DOES_NOT_FIT_FLASH, size - HIL_MODEL_SLOT_BYTES, "");
      }
    }
    hil_slot_forget();
    slot.announced = true;
    slot.is_builtin = builtin;
    slot.size = size;
    slot.received = builtin ? size : 0;
    memcpy(slot.sha256, sha256, HIL_SHA256_BYTES);
  }
  *next_offset = slot.received;
  return kFine;
}

struct hil_refusal hil_slot_write(uint32_t offset, const uint8_t *data, uint32_t size,
                                  uint32_t *next_offset) {
  if (!slot.announced) return refused(HIL_NO_TRANSFER, 0, "");
  if (offset == slot.received) {
    if (size > slot.size - offset) return refused(HIL_OUT_OF_RANGE, slot.size, "");
#if HIL_MODEL_SLOT_BYTES > 0
    if (size > 0) memcpy(hil_model_slot + offset, data, size);
#else
    (void)data; /* the model that is built in is complete: size is 0 */
#endif
    slot.received += size;
  }
  *next_offset = slot.received;
  return kFine;
}

static uint32_t total_of(uint32_t count, struct hil_bytes (*tensor)(uint32_t)) {
  uint32_t total = 0;
  for (uint32_t i = 0; slot.loaded && i < count; i++) total += tensor(i).size;
  return total;
}

uint32_t hil_slot_input_bytes(void) {
  return total_of(slot.loaded ? hil_engine_input_count() : 0, hil_engine_input);
}

uint32_t hil_slot_output_bytes(void) {
  return total_of(slot.loaded ? hil_engine_output_count() : 0, hil_engine_output);
}

static struct hil_refusal prepare(void) {
  const uint8_t *model = NULL;
#if HIL_MODEL_SLOT_BYTES > 0
  if (!slot.is_builtin) model = hil_model_slot;
#endif
  struct hil_engine_error error = hil_engine_prepare(model, slot.size, hil_arena, HIL_ARENA_BYTES);
  if (error.status != HIL_ENGINE_OK) return of_engine(error);
  slot.loaded = true;
  uint32_t staged = hil_slot_input_bytes();
  uint32_t tensors = hil_engine_input_count() + hil_engine_output_count();
  slot.loaded = staged <= HIL_STAGING_BYTES && tensors <= HIL_MOST_TENSORS;
  if (staged > HIL_STAGING_BYTES) {
    return refused(HIL_DOES_NOT_FIT_ARENA, staged - HIL_STAGING_BYTES,
                   "the inputs do not fit the staging buffer (HIL_STAGING_BYTES)");
  }
  if (tensors > HIL_MOST_TENSORS) {
    return refused(HIL_INTERNAL, tensors, "more inputs and outputs than HELLO can name");
  }
  memset(hil_staging, 0, sizeof hil_staging);
  slot.has_run = slot.has_profile = slot.tensors_fresh = false;
  return kFine;
}

struct hil_refusal hil_slot_commit(void) {
  if (!slot.announced || slot.received < slot.size) {
    return refused(HIL_NO_TRANSFER, slot.received, "");
  }
  if (slot.loaded) return kFine;
#if HIL_MODEL_SLOT_BYTES > 0
  if (!slot.is_builtin) {
    uint8_t digest[HIL_SHA256_BYTES];
    hil_sha256(hil_model_slot, slot.size, digest);
    if (memcmp(digest, slot.sha256, sizeof digest) != 0) {
      hil_slot_forget();
      return refused(HIL_WRONG_SHA256, HIL_NO_DETAIL, "");
    }
  }
#endif
  return prepare();
}

struct hil_refusal hil_slot_stage(uint32_t tensor, uint32_t offset, const uint8_t *data,
                                  uint32_t size) {
  if (!slot.loaded) return no_model();
  uint32_t count = hil_engine_input_count(), start = 0;
  if (tensor >= count) return refused(HIL_BAD_TENSOR, count, "");
  uint32_t whole = hil_engine_input(tensor).size;
  if (offset > whole || size > whole - offset) return refused(HIL_OUT_OF_RANGE, whole, "");
  for (uint32_t i = 0; i < tensor; i++) start += hil_engine_input(i).size;
  hil_slot_stage_piece(start + offset, data, size);
  return kFine;
}

void hil_slot_stage_piece(uint32_t offset, const uint8_t *data, uint32_t size) {
  memcpy(hil_staging + offset, data, size);
  slot.tensors_fresh = false;
}

static struct hil_refusal run(hil_engine_hook hook, uint32_t *ticks) {
  if (!slot.loaded) return no_model();
  hil_port_feed_watchdog();
  hil_engine_reset();
  const uint8_t *staged = hil_staging;
  for (uint32_t i = 0; i < hil_engine_input_count(); i++) {
    struct hil_bytes input = hil_engine_input(i);
    memcpy(input.data, staged, input.size);
    staged += input.size;
  }
  uint32_t began = hil_port_ticks();
  struct hil_engine_error error = hil_engine_invoke(hook);
  *ticks = hil_port_ticks() - began;
  slot.has_run = slot.tensors_fresh = error.status == HIL_ENGINE_OK;
  return of_engine(error);
}

struct hil_refusal hil_slot_run(uint32_t *ticks) {
  return run(NULL, ticks);
}

static void time_op(uint32_t op_index, bool begins) {
  uint32_t now = hil_port_ticks();
  if (begins) {
    op_began = now;
  } else if (op_index < HIL_PROFILE_ENTRIES) {
    op_ticks[op_index] += now - op_began;
  }
}

struct hil_refusal hil_slot_profile(void) {
  if (slot.loaded && hil_engine_op_count() > HIL_PROFILE_ENTRIES) {
    return refused(HIL_NOT_SUPPORTED, HIL_PROFILE,
                   "more operators than the profile holds (HIL_PROFILE_ENTRIES)");
  }
  memset(op_ticks, 0, sizeof op_ticks);
  uint32_t ticks;
  struct hil_refusal refusal = run(time_op, &ticks);
  slot.has_profile = refusal.code == HIL_FINE;
  return refusal;
}

bool hil_slot_has_profile(void) { return slot.has_profile; }

uint32_t hil_slot_profile_ticks(uint32_t op_index) { return op_ticks[op_index]; }

static void put_piece(struct hil_reply *reply, struct hil_bytes tensor, uint32_t offset,
                      uint32_t size) {
  if (slot.has_run) {
    hil_put_bytes(reply, tensor.data + offset, size);
  } else {
    while (size-- > 0) hil_put_u8(reply, 0);
  }
}

struct hil_refusal hil_slot_put_output(struct hil_reply *reply, uint32_t tensor, uint32_t offset,
                                       uint32_t size) {
  if (!slot.loaded) return no_model();
  uint32_t count = hil_engine_output_count();
  if (tensor >= count) return refused(HIL_BAD_TENSOR, count, "");
  struct hil_bytes output = hil_engine_output(tensor);
  if (offset > output.size || size > output.size - offset) {
    return refused(HIL_OUT_OF_RANGE, output.size, "");
  }
  put_piece(reply, output, offset, size);
  return kFine;
}

void hil_slot_put_outputs(struct hil_reply *reply, uint32_t offset, uint32_t size) {
  for (uint32_t i = 0; i < hil_engine_output_count() && size > 0; i++) {
    struct hil_bytes output = hil_engine_output(i);
    if (offset >= output.size) {
      offset -= output.size;
      continue;
    }
    uint32_t here = output.size - offset < size ? output.size - offset : size;
    put_piece(reply, output, offset, here);
    offset = 0;
    size -= here;
  }
}

struct hil_refusal hil_slot_tensor(uint32_t index, struct hil_bytes *tensor) {
  uint32_t ticks;
  if (!slot.loaded) return no_model();
  if (!slot.tensors_fresh) {
    struct hil_refusal refusal = run(NULL, &ticks);
    if (refusal.code != HIL_FINE) return refusal;
  }
  *tensor = hil_engine_tensor(index);
  if (tensor->data == NULL) {
    return refused(HIL_BAD_TENSOR, HIL_NO_DETAIL,
                   "no such tensor, or a constant, or its memory was used again");
  }
  return kFine;
}
