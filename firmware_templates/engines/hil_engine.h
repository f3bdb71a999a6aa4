/* What runs a model in the firmware: the compiled engine, TFLite Micro, another.
 *
 * One engine and one model at a time. No function allocates; all memory is the arena
 * that hil_engine_prepare is given. Pointers to inputs, outputs and tensors hold until
 * the next prepare. Names follow docs/protocol.md.
 */
#ifndef HIL_ENGINE_H_
#define HIL_ENGINE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hil_engine_status {
  HIL_ENGINE_OK = 0,
  HIL_ENGINE_DOES_NOT_FIT_ARENA, /* detail: bytes that are missing */
  HIL_ENGINE_UNSUPPORTED_OP,     /* detail: index of the operator, or UINT32_MAX */
  HIL_ENGINE_BAD_MODEL,
  HIL_ENGINE_INVOKE_FAILED,
};

/* Why a call failed; text is static and never NULL. */
struct hil_engine_error {
  enum hil_engine_status status;
  uint32_t detail;
  const char *text;
};

struct hil_bytes {
  uint8_t *data;
  uint32_t size;
};

enum hil_engine_type {
  HIL_ENGINE_UNKNOWN = 0,
  HIL_ENGINE_INT8 = 1,
  HIL_ENGINE_UINT8 = 2,
  HIL_ENGINE_INT16 = 3,
  HIL_ENGINE_FLOAT32 = 4,
};

/* What the elements of a tensor mean: scale * (stored - zero_point), or just what is
 * stored where scale is 0. */
struct hil_engine_numbers {
  enum hil_engine_type type;
  float scale;
  int32_t zero_point;
};

struct hil_engine_memory {
  uint32_t arena_bytes; /* in use after prepare */
  bool split_known;     /* whether the next two were measured */
  uint32_t arena_persistent_bytes;
  uint32_t arena_nonpersistent_bytes;
};

/* Called around each operator with its index when a profile is taken, else NULL. */
typedef void (*hil_engine_hook)(uint32_t op_index, bool begins);

/* "compiled", "tflm", ...: what HELLO says. */
const char *hil_engine_name(void);

/* The model that is linked into the image; size 0 where there is none. The compiled
 * engine has no model bytes: data is NULL, size that of the .tflite it was made from.
 * sha256 (32 bytes) is that of the .tflite, NULL where there is none. */
struct hil_engine_builtin {
  const uint8_t *data;
  uint32_t size;
  const uint8_t *sha256;
};
struct hil_engine_builtin hil_engine_builtin(void);

/* Whether prepare takes another model than the one that is linked in. */
bool hil_engine_takes_models(void);

/* Makes a model ready in the arena (16-byte aligned). model is NULL for the one that is
 * linked in. The model's bytes must stay where they are. */
struct hil_engine_error hil_engine_prepare(const uint8_t *model, uint32_t model_size,
                                           uint8_t *arena, uint32_t arena_size);

struct hil_engine_memory hil_engine_memory(void);

uint32_t hil_engine_input_count(void);
struct hil_bytes hil_engine_input(uint32_t index);
uint32_t hil_engine_output_count(void);
struct hil_bytes hil_engine_output(uint32_t index);

/* Optional: what is not known is HIL_ENGINE_UNKNOWN. Only the text protocol asks. */
struct hil_engine_numbers hil_engine_input_numbers(uint32_t index);
struct hil_engine_numbers hil_engine_output_numbers(uint32_t index);

/* Runs once. The inputs must have been written since the last run: their memory may
 * hold something else by now. */
struct hil_engine_error hil_engine_invoke(hil_engine_hook hook);

/* Sets variable tensors back to their first state. */
void hil_engine_reset(void);

uint32_t hil_engine_op_count(void);

/* The value of tensor index after the last invoke, where it is still there; else data
 * is NULL. Constants are not given out. */
struct hil_bytes hil_engine_tensor(uint32_t index);

#ifdef __cplusplus
}
#endif

#endif /* HIL_ENGINE_H_ */
