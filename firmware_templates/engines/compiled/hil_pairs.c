/* ADD, SUB and MUL, with broadcasting. */
#include "hil_fixed.h"
#include "hil_kernels.h"
#include "hil_steps.h"

/* Calls value(params, a, b) for every pair in order. */
#define HIL_PAIRS(params, a, b, out, value)                                        \
  do {                                                                             \
    const struct hil_pairing *pairing = &(params)->pairing;                        \
    const int32_t rows = hil_row_count(pairing->size);                             \
    const int32_t step_a = pairing->step_a[HIL_INNER];                             \
    const int32_t step_b = pairing->step_b[HIL_INNER];                             \
    for (int32_t row = 0; row < rows; ++row) {                                     \
      int32_t at_a = hil_row_offset(row, pairing->size, pairing->step_a);          \
      int32_t at_b = hil_row_offset(row, pairing->size, pairing->step_b);          \
      for (int32_t i = pairing->size[HIL_INNER]; i > 0; --i) {                     \
        *(out)++ = value((params), (a)[at_a], (b)[at_b]);                          \
        at_a += step_a;                                                            \
        at_b += step_b;                                                            \
      }                                                                            \
    }                                                                              \
  } while (0)

/* Both values are brought to one scale with many more bits, added, and brought back. */
static inline int32_t sum_of(const struct hil_add *p, int32_t a, int32_t b) {
  const int32_t wide_a = (a + p->a_offset) * (1 << p->left_shift);
  const int32_t wide_b = (b + p->b_offset) * (1 << p->left_shift);
  const int32_t scaled_a = hil_scale(wide_a, p->a_multiplier, p->a_shift);
  const int32_t scaled_b = hil_scale(wide_b, p->b_multiplier, p->b_shift);
  const int32_t sum = scaled_a + p->sign * scaled_b;
  const int32_t value = hil_scale(sum, p->out_multiplier, p->out_shift);
  return hil_clamp(hil_wrapping_add(value, p->out_offset), p->low, p->high);
}

static inline int32_t product_of(const struct hil_mul *p, int32_t a, int32_t b) {
  const int32_t product = (a + p->a_offset) * (b + p->b_offset);
  const int32_t value = hil_scale(product, p->multiplier, p->shift);
  return hil_clamp(hil_wrapping_add(value, p->out_offset), p->low, p->high);
}

static inline float limited(const struct hil_pair_f32 *p, float value) {
  const float raised = value < p->low ? p->low : value;
  return raised > p->high ? p->high : raised;
}

static inline float sum_f32(const struct hil_pair_f32 *p, float a, float b) {
  return limited(p, a + b);
}

static inline float difference_f32(const struct hil_pair_f32 *p, float a, float b) {
  return limited(p, a - b);
}

static inline float product_f32(const struct hil_pair_f32 *p, float a, float b) {
  return limited(p, a * b);
}

#define HIL_SUM_S8(p, a, b) ((int8_t)sum_of(p, a, b))
#define HIL_SUM_S16(p, a, b) ((int16_t)sum_of(p, a, b))
#define HIL_PRODUCT_S8(p, a, b) ((int8_t)product_of(p, a, b))
#define HIL_PRODUCT_S16(p, a, b) ((int16_t)product_of(p, a, b))

void hil_add_s8(const struct hil_add *p, const int8_t *a, const int8_t *b, int8_t *out) {
  HIL_PAIRS(p, a, b, out, HIL_SUM_S8);
}

void hil_add_s16(const struct hil_add *p, const int16_t *a, const int16_t *b, int16_t *out) {
  HIL_PAIRS(p, a, b, out, HIL_SUM_S16);
}

void hil_mul_s8(const struct hil_mul *p, const int8_t *a, const int8_t *b, int8_t *out) {
  HIL_PAIRS(p, a, b, out, HIL_PRODUCT_S8);
}

void hil_mul_s16(const struct hil_mul *p, const int16_t *a, const int16_t *b, int16_t *out) {
  HIL_PAIRS(p, a, b, out, HIL_PRODUCT_S16);
}

void hil_add_f32(const struct hil_pair_f32 *p, const float *a, const float *b, float *out) {
  HIL_PAIRS(p, a, b, out, sum_f32);
}

void hil_sub_f32(const struct hil_pair_f32 *p, const float *a, const float *b, float *out) {
  HIL_PAIRS(p, a, b, out, difference_f32);
}

void hil_mul_f32(const struct hil_pair_f32 *p, const float *a, const float *b, float *out) {
  HIL_PAIRS(p, a, b, out, product_f32);
}
