/* MEAN over any dimensions. */
#include "hil_fixed.h"
#include "hil_kernels.h"
#include "hil_steps.h"

/* Runs `body` with `at` on each value that belongs to output `start`. */
#define HIL_REDUCED(p, start, body)                                                        \
  do {                                                                                     \
    const int32_t rows = hil_row_count((p)->reduced_size);                                 \
    for (int32_t row = 0; row < rows; ++row) {                                             \
      int32_t at = (start) + hil_row_offset(row, (p)->reduced_size, (p)->reduced_step);    \
      for (int32_t i = (p)->reduced_size[HIL_INNER]; i > 0; --i) {                         \
        body;                                                                              \
        at += (p)->reduced_step[HIL_INNER];                                                \
      }                                                                                    \
    }                                                                                      \
  } while (0)

static int32_t output_count(const struct hil_mean *p) {
  return hil_row_count(p->kept_size) * p->kept_size[HIL_INNER];
}

static int32_t output_start(const struct hil_mean *p, int32_t index) {
  const int32_t inner = p->kept_size[HIL_INNER];
  return hil_row_offset(index / inner, p->kept_size, p->kept_step) +
         index % inner * p->kept_step[HIL_INNER];
}

static int32_t finish(const struct hil_mean *p, int32_t sum) {
  const int32_t scaled =
      hil_scale((int32_t)((uint32_t)sum - (uint32_t)p->zero_sum), p->multiplier, p->shift);
  return hil_wrapping_add(scaled, p->out_zero);
}

void hil_mean_s8(const struct hil_mean *p, const int8_t *in, int8_t *out) {
  const int32_t count = output_count(p);
  for (int32_t index = 0; index < count; ++index) {
    int32_t sum = 0;
    HIL_REDUCED(p, output_start(p, index), sum += in[at]);
    out[index] = (int8_t)hil_clamp(finish(p, sum), INT8_MIN, INT8_MAX);
  }
}

void hil_mean_s16(const struct hil_mean *p, const int16_t *in, int16_t *out) {
  const int32_t count = output_count(p);
  for (int32_t index = 0; index < count; ++index) {
    int32_t sum = 0;
    HIL_REDUCED(p, output_start(p, index), sum = hil_wrapping_add(sum, in[at]));
    out[index] = (int16_t)hil_clamp(finish(p, sum), INT16_MIN, INT16_MAX);
  }
}

void hil_mean_f32(const struct hil_mean *p, const float *in, float *out) {
  const int32_t count = output_count(p);
  const int32_t values = hil_row_count(p->reduced_size) * p->reduced_size[HIL_INNER];
  for (int32_t index = 0; index < count; ++index) {
    float sum = 0.0f;
    HIL_REDUCED(p, output_start(p, index), sum += in[at]);
    out[index] = sum / (float)values;
  }
}
