#include "hil_text_input.h"

#include <string.h>

#include "hil_engine.h"
#include "hil_slot.h"

enum { kAnomalyElements = 640, kPixelOffset = 0x80 };

extern uint8_t hil_staging[HIL_STAGING_BYTES];

/* The anomaly model's inputs come as floats and are needed for its answer: only an image
 * whose staging buffer is just that model's has room for them. */
#if HIL_STAGING_BYTES == 640
static float floats[kAnomalyElements];
enum { kFloatBytes = sizeof floats };
#else
static float floats[1];
enum { kFloatBytes = 0 };
#endif

static uint32_t width_of(enum hil_engine_type type) {
  switch (type) {
    case HIL_ENGINE_FLOAT32:
      return 4;
    case HIL_ENGINE_INT16:
      return 2;
    default:
      return 1;
  }
}

static uint32_t elements(struct hil_bytes bytes, struct hil_engine_numbers numbers) {
  return bytes.size / width_of(numbers.type);
}

static bool is_anomaly(void) {
  return kFloatBytes > 0 && hil_engine_input_numbers(0).type == HIL_ENGINE_INT8 &&
         hil_engine_input(0).size == kAnomalyElements &&
         elements(hil_engine_output(0), hil_engine_output_numbers(0)) == kAnomalyElements;
}

/* Pixels come as 0 to 255 and are stored less 128. */
static bool is_image(void) {
  uint32_t size = hil_engine_input(0).size;
  return hil_engine_input_numbers(0).type == HIL_ENGINE_INT8 && (size == 27648 || size == 3072);
}

const char *hil_text_model(void) {
#ifdef HIL_MLPERF_MODEL
  return HIL_MLPERF_MODEL;
#else
  if (is_anomaly()) return "ad01";
  switch (elements(hil_engine_input(0), hil_engine_input_numbers(0))) {
    case 490:
      return "kws01";
    case 27648:
      return "vww01";
    case 3072:
      return "ic01";
    default:
      return "custom";
  }
#endif
}

uint32_t hil_text_input_bytes(void) {
  return is_anomaly() ? (uint32_t)kFloatBytes : hil_engine_input(0).size;
}

uint32_t hil_text_input_room(void) {
  return is_anomaly() ? (uint32_t)kFloatBytes : (uint32_t)HIL_STAGING_BYTES;
}

void hil_text_input_put(uint32_t position, uint8_t byte) {
  if (is_anomaly()) {
    memcpy((uint8_t *)floats + position, &byte, 1);
    return;
  }
  uint8_t stored = is_image() ? (uint8_t)(byte ^ kPixelOffset) : byte;
  hil_slot_stage_piece(position, &stored, 1);
}

uint8_t hil_text_input_get(uint32_t position) {
  if (is_anomaly()) return ((const uint8_t *)floats)[position];
  uint8_t stored = hil_staging[position];
  return is_image() ? (uint8_t)(stored ^ kPixelOffset) : stored;
}

void hil_text_input_finish(void) {
  if (!is_anomaly()) return;
  struct hil_engine_numbers numbers = hil_engine_input_numbers(0);
  for (uint32_t i = 0; i < kAnomalyElements && numbers.scale > 0; i++) {
    /* Half away from zero, as roundf, which would be a whole library. */
    double scaled = (double)floats[i] / (double)numbers.scale;
    double away = scaled + (scaled < 0 ? -0.5 : 0.5);
    double limited = away < -1000 ? -1000 : away > 1000 ? 1000 : away;
    int32_t steps = (int32_t)limited + numbers.zero_point;
    int8_t stored = (int8_t)(steps < -128 ? -128 : steps > 127 ? 127 : steps);
    hil_slot_stage_piece(i, (const uint8_t *)&stored, 1);
  }
}

static double output_value(uint32_t index) {
  const uint8_t *data = hil_engine_output(0).data;
  struct hil_engine_numbers numbers = hil_engine_output_numbers(0);
  if (data == NULL) return 0;
  double stored = 0;
  int16_t pair;
  float real;
  switch (numbers.type) {
    case HIL_ENGINE_FLOAT32:
      memcpy(&real, data + 4 * index, sizeof real);
      return (double)real;
    case HIL_ENGINE_INT16:
      memcpy(&pair, data + 2 * index, sizeof pair);
      stored = pair;
      break;
    case HIL_ENGINE_UINT8:
      stored = data[index];
      break;
    default:
      stored = (int8_t)data[index];
  }
  return numbers.scale > 0 ? (stored - numbers.zero_point) * (double)numbers.scale : stored;
}

uint32_t hil_text_values(void) {
  return is_anomaly() ? 1 : elements(hil_engine_output(0), hil_engine_output_numbers(0));
}

double hil_text_value(uint32_t index) {
  if (!is_anomaly()) return output_value(index);
  double sum = 0;
  for (uint32_t i = 0; i < kAnomalyElements; i++) {
    double error = output_value(i) - (double)floats[kFloatBytes > 0 ? i : 0];
    sum += error * error;
  }
  return sum / kAnomalyElements;
}
