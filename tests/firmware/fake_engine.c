/* An engine without arithmetic: the same as hil/emulators/fake_kernels.py, in C.
 *
 * Its model is a line of JSON, for example {"inputs": [4], "outputs": [2], "arena": 100}.
 * "crash": N makes a run end badly: 1 abort, 2 a null pointer, 3 hil_fault with registers,
 * 4 for ever. With FAKE_BUILTIN (the text) and FAKE_BUILTIN_SHA256 (32 numbers) a model is
 * linked in and no other is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hil_engine.h"
#include "hil_fault.h"
#include "hil_reply.h"

enum { kMostTensors = 40, kMostBytes = 1 << 16, kModulus = 251, kTicks = 1000, kOperators = 3 };

/* Whoever freezes the clock moves it by this many ticks a run. */
__attribute__((weak)) void fake_spend(uint32_t ticks) { (void)ticks; }

static struct {
  uint32_t inputs[kMostTensors], outputs[kMostTensors];
  uint32_t input_count, output_count;
  uint32_t arena, operators, crash;
  bool fails, logs;
} model;

static uint8_t input_memory[kMostBytes], output_memory[kMostBytes], input_copy[kMostBytes];
static uint32_t runs; /* the variable tensor */

static struct hil_engine_error failed(enum hil_engine_status status, uint32_t detail,
                                      const char *text) {
  return (struct hil_engine_error){status, detail, text};
}

static const char *behind(const char *line, const char *key) {
  const char *found = strstr(line, key);
  return found ? found + strlen(key) : NULL;
}

static uint32_t number(const char *line, const char *key, uint32_t otherwise) {
  const char *text = behind(line, key);
  return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static bool sizes(const char *line, const char *key, uint32_t *list, uint32_t *count) {
  const char *text = behind(line, key);
  uint32_t total = 0;
  *count = 0;
  while (text != NULL && *text != ']') {
    char *end;
    unsigned long size = strtoul(text, &end, 10);
    if (end == text || size > kMostBytes || *count == kMostTensors) return false;
    list[(*count)++] = (uint32_t)size;
    total += (uint32_t)size;
    if (total > kMostBytes) return false;
    text = *end == ',' ? end + 1 : end;
    if (*end != ',' && *end != ']') return false;
  }
  return text != NULL;
}

const char *hil_engine_name(void) { return "fake"; }

#ifdef FAKE_BUILTIN
static const uint8_t builtin_sha256[] = {FAKE_BUILTIN_SHA256};
static const char builtin_text[] = FAKE_BUILTIN;
struct hil_engine_builtin hil_engine_builtin(void) {
  return (struct hil_engine_builtin){NULL, sizeof builtin_text - 1, builtin_sha256};
}
bool hil_engine_takes_models(void) { return false; }
#else
static const char builtin_text[] = "";
struct hil_engine_builtin hil_engine_builtin(void) {
  return (struct hil_engine_builtin){NULL, 0, NULL};
}
bool hil_engine_takes_models(void) { return true; }
#endif

struct hil_engine_error hil_engine_prepare(const uint8_t *data, uint32_t size, uint8_t *arena,
                                           uint32_t arena_size) {
  char line[1024] = {0};
  const char *text = data ? (const char *)data : builtin_text;
  for (uint32_t i = 0; i < size && i < sizeof line - 1 && text[i] != '\n'; i++) line[i] = text[i];
  if (strstr(line, "\"unsupported\"")) {
    return failed(HIL_ENGINE_UNSUPPORTED_OP, UINT32_MAX, "no kernel for it");
  }
  memset(&model, 0, sizeof model);
  if (line[0] != '{' || strstr(line, "\"broken\"") ||
      !sizes(line, "\"inputs\": [", model.inputs, &model.input_count) ||
      !sizes(line, "\"outputs\": [", model.outputs, &model.output_count)) {
    return failed(HIL_ENGINE_BAD_MODEL, UINT32_MAX, "the fake model is no JSON");
  }
  model.arena = number(line, "\"arena\": ", 0);
  model.operators = number(line, "\"operators\": ", kOperators);
#ifndef FAKE_NEVER_CRASHES
  model.crash = number(line, "\"crash\": ", 0);
#endif
  model.fails = strstr(line, "\"fails\": true") != NULL;
  model.logs = strstr(line, "\"logs\": true") != NULL;
  if (model.arena > arena_size) {
    return failed(HIL_ENGINE_DOES_NOT_FIT_ARENA, model.arena - arena_size, "");
  }
  memset(arena, 0x11, model.arena);
  memset(output_memory, 0xDD, sizeof output_memory);
  return failed(HIL_ENGINE_OK, 0, "");
}

struct hil_engine_memory hil_engine_memory(void) {
  return (struct hil_engine_memory){.arena_bytes = model.arena};
}

static struct hil_bytes tensor_in(uint8_t *memory, const uint32_t *list, uint32_t index) {
  for (uint32_t i = 0; i < index; i++) memory += list[i];
  return (struct hil_bytes){memory, list[index]};
}

uint32_t hil_engine_input_count(void) { return model.input_count; }
uint32_t hil_engine_output_count(void) { return model.output_count; }
uint32_t hil_engine_op_count(void) { return model.operators; }
struct hil_bytes hil_engine_input(uint32_t index) {
  return tensor_in(input_memory, model.inputs, index);
}
struct hil_bytes hil_engine_output(uint32_t index) {
  return tensor_in(output_memory, model.outputs, index);
}
struct hil_bytes hil_engine_tensor(uint32_t index) {
  if (index < model.input_count) return tensor_in(input_copy, model.inputs, index);
  index -= model.input_count;
  if (index < model.output_count) return hil_engine_output(index);
  return (struct hil_bytes){NULL, 0};
}

void hil_engine_reset(void) { runs = 0; }

static void crash(void) {
  static const uint32_t registers[] = {0xDEADBEEF, 0x12345678};
  static volatile uint32_t *volatile nowhere = NULL;
  if (model.crash == 1) abort();
  if (model.crash == 2) *nowhere = 1;
  if (model.crash == 3) hil_fault("hard fault; pc lr:", registers, 2);
  for (;;) {
  }
}

struct hil_engine_error hil_engine_invoke(hil_engine_hook hook) {
  uint32_t input_bytes = 0, at = 0;
  uint64_t start = runs++;
  if (model.crash != 0) crash();
  if (model.fails) return failed(HIL_ENGINE_INVOKE_FAILED, UINT32_MAX, "the fake model fails");
  if (model.logs) hil_log(HIL_INFO, "a word in between");
  for (uint32_t i = 0; i < model.input_count; i++) input_bytes += model.inputs[i];
  for (uint32_t i = 0; i < input_bytes; i++) start += (uint64_t)input_memory[i] * (i + 1);
  for (uint32_t i = 0; i < model.output_count; i++) {
    for (uint32_t j = 0; j < model.outputs[i]; j++) {
      output_memory[at++] = (uint8_t)((start + j) % kModulus);
    }
  }
  for (uint32_t op = 0; hook != NULL && op < model.operators; op++) {
    hook(op, true);
    fake_spend(op + 1);
    hook(op, false);
  }
  memcpy(input_copy, input_memory, input_bytes);
  memset(input_memory, 0xEE, input_bytes); /* an engine plans other tensors into it */
  fake_spend(kTicks);
  return failed(HIL_ENGINE_OK, 0, "");
}
