/* An engine for tests: what a run does depends on the first byte of its input.
 *
 * It says that it is the model whose hash and sizes faulty_model.h has, so that a host
 * takes it for the firmware of that model. A run that ends well copies the input. */
#include <string.h>

#include "faults.h"
#include "faulty_model.h"
#include "hil_engine.h"

static uint8_t input[FAULTY_INPUT_BYTES], output[FAULTY_OUTPUT_BYTES];

static const uint8_t sha256[] = {FAULTY_MODEL_SHA256};

static struct hil_engine_error fine(void) {
  return (struct hil_engine_error){HIL_ENGINE_OK, 0, ""};
}

const char *hil_engine_name(void) { return "faulty"; }

struct hil_engine_builtin hil_engine_builtin(void) {
  return (struct hil_engine_builtin){NULL, FAULTY_MODEL_BYTES, sha256};
}

bool hil_engine_takes_models(void) { return false; }

struct hil_engine_error hil_engine_prepare(const uint8_t *model, uint32_t model_size,
                                           uint8_t *arena, uint32_t arena_size) {
  (void)model, (void)model_size, (void)arena, (void)arena_size;
  return fine();
}

struct hil_engine_memory hil_engine_memory(void) {
  return (struct hil_engine_memory){0};
}

uint32_t hil_engine_input_count(void) { return 1; }
uint32_t hil_engine_output_count(void) { return 1; }
uint32_t hil_engine_op_count(void) { return 1; }
void hil_engine_reset(void) {}

struct hil_bytes hil_engine_input(uint32_t index) {
  (void)index;
  return (struct hil_bytes){input, sizeof input};
}

struct hil_bytes hil_engine_output(uint32_t index) {
  (void)index;
  return (struct hil_bytes){output, sizeof output};
}

struct hil_bytes hil_engine_tensor(uint32_t index) {
  (void)index;
  return (struct hil_bytes){NULL, 0};
}

struct hil_engine_error hil_engine_invoke(hil_engine_hook hook) {
  (void)hook;
  faulty_do((enum fault)input[0]);
  memset(output, 0, sizeof output);
  memcpy(output, input, sizeof output < sizeof input ? sizeof output : sizeof input);
  return fine();
}
