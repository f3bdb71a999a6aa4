/* The engine `tflm`: hil_engine.h on top of a TFLite Micro that the user brings.
 *
 * All that TFLite Micro allocates is in the arena; resolver and interpreter lie beside
 * it, here. Written for the interfaces of August 2026. */
#include "hil_engine.h"

#include <cstring>
#include <new>

#include "hil_tflm_log.h"
#include "hil_tflm_trace.h"
#include "image_model_data.h"
#include "image_op_resolver.h"
#include "image_sha256.h"
#include "tensorflow/lite/micro/memory_helpers.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/recording_micro_allocator.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

using Ops = hil::TracedOps<hil_image_op_resolver>;
using Interpreter = tflite::MicroInterpreter;

/* Made anew by each prepare and never destroyed: a destructor would read the model
 * before, whose bytes may be those of the next one by then. */
alignas(Ops) uint8_t ops_memory[sizeof(Ops)];
alignas(Interpreter) uint8_t interpreter_memory[sizeof(Interpreter)];

const tflite::Model* model;
Ops* ops;
Interpreter* interpreter; /* null unless prepared */
tflite::RecordingMicroAllocator* recorder;

constexpr uint32_t kIdentifierAt = 4; /* of "TFL3" in the file */
constexpr uint32_t kSmallestModel = 8;
constexpr hil_engine_error kOk = {HIL_ENGINE_OK, 0, ""};

hil_engine_error bad_model(const char* text) { return {HIL_ENGINE_BAD_MODEL, 0, text}; }

const tflite::SubGraph* graph() { return model->subgraphs()->Get(0); }

/* The index of the first operator without a kernel in the image; the count if none is. */
uint32_t first_without_kernel() {
  const auto* operators = graph()->operators();
  uint32_t index = 0;
  for (; index < operators->size(); ++index) {
    const auto* code = model->operator_codes()->Get(operators->Get(index)->opcode_index());
    const TFLMRegistration* found = nullptr;
    if (tflite::GetRegistrationFromOpCode(code, *ops, &found) != kTfLiteOk || !found) break;
  }
  return index;
}

Interpreter* make_interpreter(uint8_t* arena, uint32_t size) {
#if HIL_PRESERVE_TENSORS /* nothing records such an arena */
  return new (interpreter_memory) Interpreter(model, *ops, arena, size, nullptr, nullptr, true);
#else
  recorder = tflite::RecordingMicroAllocator::Create(arena, size);
  if (recorder == nullptr) return nullptr;
  return new (interpreter_memory) Interpreter(model, *ops, recorder);
#endif
}

/* A library without error strings says nothing: then the text names what it can be. */
hil_engine_error not_allocated() {
  uint32_t missing_bytes;
  if (hil::log_tells_missing(&missing_bytes)) {
    return {HIL_ENGINE_DOES_NOT_FIT_ARENA, missing_bytes, hil::log_text()};
  }
  if (hil::log_text()[0] != 0) return bad_model(hil::log_text());
  return bad_model("AllocateTensors failed: the arena is too small or a kernel refuses its node");
}

hil_bytes bytes_of(const TfLiteTensor* tensor) {
  return {tensor->data.uint8, static_cast<uint32_t>(tensor->bytes)};
}

hil_engine_type type_of(TfLiteType type) {
  switch (type) {
    case kTfLiteInt8:
      return HIL_ENGINE_INT8;
    case kTfLiteUInt8:
      return HIL_ENGINE_UINT8;
    case kTfLiteInt16:
      return HIL_ENGINE_INT16;
    case kTfLiteFloat32:
      return HIL_ENGINE_FLOAT32;
    default:
      return HIL_ENGINE_UNKNOWN;
  }
}

hil_engine_numbers numbers_of(const TfLiteTensor* tensor) {
  return {type_of(tensor->type), tensor->params.scale, tensor->params.zero_point};
}

}  // namespace

const char* hil_engine_name(void) { return "tflm"; }

struct hil_engine_builtin hil_engine_builtin(void) {
  return {g_image_model_data, g_image_model_data_size, hil_image_sha256};
}

bool hil_engine_takes_models(void) { return true; }

hil_engine_error hil_engine_prepare(const uint8_t* bytes, uint32_t size, uint8_t* arena,
                                    uint32_t arena_size) {
  interpreter = nullptr;
  hil::log_clear();
  if (bytes == nullptr) {
    bytes = g_image_model_data;
    size = g_image_model_data_size;
  }
  if (size < kSmallestModel || memcmp(bytes + kIdentifierAt, "TFL3", 4) != 0) {
    return bad_model("no TFLite model");
  }
  model = tflite::GetModel(bytes);
  if (model->version() != TFLITE_SCHEMA_VERSION) return bad_model("another schema than version 3");
  ops = new (ops_memory) Ops();
  if (hil_image_register_ops(*ops) != kTfLiteOk) return bad_model("the operators do not register");
  const uint32_t index = first_without_kernel();
  if (index < graph()->operators()->size()) {
    return {HIL_ENGINE_UNSUPPORTED_OP, index, "the image was built without this operator"};
  }
  Interpreter* made = make_interpreter(arena, arena_size);
  if (made == nullptr || made->AllocateTensors() != kTfLiteOk) return not_allocated();
  interpreter = made;
  return kOk;
}

struct hil_engine_memory hil_engine_memory(void) {
  struct hil_engine_memory memory = {};
  if (interpreter == nullptr) return memory;
  memory.arena_bytes = static_cast<uint32_t>(interpreter->arena_used_bytes());
  if (recorder != nullptr) {
    const auto* arena = recorder->GetSimpleMemoryAllocator();
    memory.split_known = true;
    memory.arena_persistent_bytes = static_cast<uint32_t>(arena->GetPersistentUsedBytes());
    memory.arena_nonpersistent_bytes = static_cast<uint32_t>(arena->GetNonPersistentUsedBytes());
  }
  return memory;
}

uint32_t hil_engine_input_count(void) {
  return interpreter == nullptr ? 0 : static_cast<uint32_t>(interpreter->inputs_size());
}

hil_bytes hil_engine_input(uint32_t index) {
  if (index >= hil_engine_input_count()) return {nullptr, 0};
  return bytes_of(interpreter->input(index));
}

uint32_t hil_engine_output_count(void) {
  return interpreter == nullptr ? 0 : static_cast<uint32_t>(interpreter->outputs_size());
}

hil_bytes hil_engine_output(uint32_t index) {
  if (index >= hil_engine_output_count()) return {nullptr, 0};
  return bytes_of(interpreter->output(index));
}

hil_engine_numbers hil_engine_input_numbers(uint32_t index) {
  if (index >= hil_engine_input_count()) return {HIL_ENGINE_UNKNOWN, 0, 0};
  return numbers_of(interpreter->input(index));
}

hil_engine_numbers hil_engine_output_numbers(uint32_t index) {
  if (index >= hil_engine_output_count()) return {HIL_ENGINE_UNKNOWN, 0, 0};
  return numbers_of(interpreter->output(index));
}

hil_engine_error hil_engine_invoke(hil_engine_hook hook) {
  if (interpreter == nullptr) return {HIL_ENGINE_INVOKE_FAILED, 0, "no model is prepared"};
  hil::log_clear();
  if (hook != nullptr) ops->trace(hook, hil_engine_op_count());
  const TfLiteStatus status = interpreter->Invoke();
  if (hook != nullptr) ops->trace(nullptr, 0);
  if (status != kTfLiteOk) return {HIL_ENGINE_INVOKE_FAILED, 0, hil::log_text()};
  return kOk;
}

void hil_engine_reset(void) {
  if (interpreter != nullptr) interpreter->Reset();
}

uint32_t hil_engine_op_count(void) {
  return interpreter == nullptr ? 0 : graph()->operators()->size();
}

#if HIL_PRESERVE_TENSORS

hil_bytes hil_engine_tensor(uint32_t index) {
  if (interpreter == nullptr || index >= graph()->tensors()->size()) return {nullptr, 0};
  const auto* buffer = model->buffers()->Get(graph()->tensors()->Get(index)->buffer());
  if (buffer->data() != nullptr && buffer->data()->size() > 0) return {nullptr, 0};
  TfLiteEvalTensor* tensor = interpreter->GetTensor(static_cast<int>(index));
  size_t size = 0;
  if (tensor->data.data == nullptr) return {nullptr, 0};
  if (tflite::TfLiteEvalTensorByteLength(tensor, &size) != kTfLiteOk) return {nullptr, 0};
  return {tensor->data.uint8, static_cast<uint32_t>(size)};
}

#else /* what is no output may have been overwritten */

hil_bytes hil_engine_tensor(uint32_t index) {
  for (uint32_t i = 0; i < hil_engine_output_count(); ++i) {
    if (static_cast<uint32_t>(interpreter->outputs().Get(i)) == index) return hil_engine_output(i);
  }
  return {nullptr, 0};
}

#endif
