/* The engine `compiled`: hil_engine.h on top of a model that hil turned into C. */
#include <stddef.h>

#include "hil_engine.h"
#include "hil_model.h"

static uint8_t *prepared; /* the arena, NULL before prepare */

static struct hil_engine_error ok(void) {
  return (struct hil_engine_error){.status = HIL_ENGINE_OK, .detail = 0, .text = ""};
}

const char *hil_engine_name(void) { return "compiled"; }

struct hil_engine_builtin hil_engine_builtin(void) {
  return (struct hil_engine_builtin){
      .data = NULL, .size = HIL_MODEL_TFLITE_BYTES, .sha256 = hil_model_sha256};
}

bool hil_engine_takes_models(void) { return false; }

struct hil_engine_error hil_engine_prepare(const uint8_t *model, uint32_t model_size,
                                           uint8_t *arena, uint32_t arena_size) {
  (void)model_size;
  prepared = NULL;
  if (model != NULL) {
    return (struct hil_engine_error){.status = HIL_ENGINE_BAD_MODEL,
                                     .detail = 0,
                                     .text = "the engine runs only the model it was built with"};
  }
  if (arena_size < HIL_MODEL_ARENA_BYTES) {
    return (struct hil_engine_error){.status = HIL_ENGINE_DOES_NOT_FIT_ARENA,
                                     .detail = HIL_MODEL_ARENA_BYTES - arena_size,
                                     .text = "the arena is smaller than the plan"};
  }
  prepared = arena;
  return ok();
}

struct hil_engine_memory hil_engine_memory(void) {
  return (struct hil_engine_memory){.arena_bytes = prepared != NULL ? HIL_MODEL_ARENA_BYTES : 0,
                                    .split_known = true,
                                    .arena_persistent_bytes = 0,
                                    .arena_nonpersistent_bytes =
                                        prepared != NULL ? HIL_MODEL_ARENA_BYTES : 0};
}

static struct hil_bytes bytes_of(const struct hil_model_tensor *tensor) {
  if (prepared == NULL || tensor->offset == HIL_MODEL_GONE) return (struct hil_bytes){NULL, 0};
  return (struct hil_bytes){prepared + tensor->offset, tensor->size};
}

uint32_t hil_engine_input_count(void) { return HIL_MODEL_INPUTS; }

struct hil_bytes hil_engine_input(uint32_t index) {
  if (index >= HIL_MODEL_INPUTS) return (struct hil_bytes){NULL, 0};
  return bytes_of(&hil_model_inputs[index]);
}

uint32_t hil_engine_output_count(void) { return HIL_MODEL_OUTPUTS; }

struct hil_bytes hil_engine_output(uint32_t index) {
  if (index >= HIL_MODEL_OUTPUTS) return (struct hil_bytes){NULL, 0};
  return bytes_of(&hil_model_outputs[index]);
}

static struct hil_engine_numbers numbers_of(const struct hil_model_numbers *numbers) {
  return (struct hil_engine_numbers){.type = (enum hil_engine_type)numbers->type,
                                     .scale = numbers->scale,
                                     .zero_point = numbers->zero_point};
}

struct hil_engine_numbers hil_engine_input_numbers(uint32_t index) {
  return numbers_of(&hil_model_input_numbers[index < HIL_MODEL_INPUTS ? index : 0]);
}

struct hil_engine_numbers hil_engine_output_numbers(uint32_t index) {
  return numbers_of(&hil_model_output_numbers[index < HIL_MODEL_OUTPUTS ? index : 0]);
}

struct hil_engine_error hil_engine_invoke(hil_engine_hook hook) {
  if (prepared == NULL) {
    return (struct hil_engine_error){
        .status = HIL_ENGINE_INVOKE_FAILED, .detail = 0, .text = "no model is prepared"};
  }
  for (uint32_t index = 0; index < HIL_MODEL_OPERATORS; ++index) {
    if (hook != NULL) hook(index, true);
    hil_model_operators[index](prepared);
    if (hook != NULL) hook(index, false);
  }
  return ok();
}

/* There are no variable tensors: operators that have some are refused by the generator. */
void hil_engine_reset(void) {}

uint32_t hil_engine_op_count(void) { return HIL_MODEL_OPERATORS; }

struct hil_bytes hil_engine_tensor(uint32_t index) {
  if (index >= HIL_MODEL_TENSORS) return (struct hil_bytes){NULL, 0};
  return bytes_of(&hil_model_tensors[index]);
}
