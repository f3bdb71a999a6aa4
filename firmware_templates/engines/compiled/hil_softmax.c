/* SOFTMAX in fixed point. exp comes from tables that hil computed for the model's scale. */
#include "hil_fixed.h"
#include "hil_kernels.h"

/* x * 2^exponent, saturated. */
static int32_t saturating_shift(int32_t x, int32_t exponent) {
  const int32_t limit = (int32_t)((1u << (31 - exponent)) - 1u);
  if (x > limit) return INT32_MAX;
  if (x < -limit) return INT32_MIN;
  return (int32_t)((uint32_t)x << exponent);
}

/* 1 / (1 + x) for x in [0, 1), both with 31 fractional bits: Newton's method on the half
 * of the denominator, with 2 integer bits, as in gemmlowp's fixedpoint.h. */
static int32_t reciprocal(int32_t x) {
  const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
  int32_t value = 1515870810 + hil_high_multiply(half, -1010580540); /* 48/17 - 32/17 * half */
  for (int32_t i = 0; i < 3; ++i) {
    const int32_t error = (1 << 29) - hil_high_multiply(half, value);
    value += saturating_shift(hil_high_multiply(value, error), 2);
  }
  return saturating_shift(value, 1);
}

static int32_t most_s8(const int8_t *in, int32_t depth) {
  int32_t most = INT8_MIN;
  for (int32_t i = 0; i < depth; ++i) most = hil_max(most, in[i]);
  return most;
}

void hil_softmax_s8(const struct hil_softmax_s8 *p, const int8_t *in, int8_t *out) {
  for (int32_t row = 0; row < p->rows; ++row, in += p->depth, out += p->depth) {
    const int32_t most = most_s8(in, p->depth);
    int32_t sum = 0; /* 12 integer bits */
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t below = most - in[i];
      if (below < p->table_size) sum += hil_round_shift(p->table[below], 12);
    }
    const int32_t headroom = hil_leading_zeros((uint32_t)sum);
    const uint32_t fraction = ((uint32_t)sum << headroom) - (1u << 31);
    const int32_t scale = reciprocal((int32_t)fraction);
    const int32_t exponent = 12 - headroom + 31 - 8;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t below = most - in[i];
      int32_t value = 0;
      if (below < p->table_size) {
        value = hil_round_shift(hil_high_multiply(scale, p->table[below]), exponent);
      }
      out[i] = (int8_t)hil_clamp(value + INT8_MIN, INT8_MIN, INT8_MAX);
    }
  }
}

/* A table of 513 points over the whole int16 range, with straight lines between. */
static int32_t interpolated(int32_t value, const int16_t *table) {
  const int32_t index = 256 + (value >> 7);
  const int32_t slope = table[index + 1] - table[index];
  return (int16_t)(table[index] + ((slope * (value & 0x7F) + 64) >> 7));
}

void hil_softmax_s16(const struct hil_softmax_s16 *p, const int16_t *in, int16_t *out) {
  for (int32_t row = 0; row < p->rows; ++row, in += p->depth, out += p->depth) {
    int32_t most = INT16_MIN;
    for (int32_t i = 0; i < p->depth; ++i) most = hil_max(most, in[i]);
    int32_t sum = 0; /* 15 fractional bits */
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t below = hil_scale(in[i] - most, p->multiplier, p->shift);
      const int32_t place = hil_clamp(hil_wrapping_add(below, 32767), INT16_MIN, INT16_MAX);
      out[i] = (int16_t)interpolated(place, p->exp_table);
      sum += out[i];
    }
    const int32_t headroom = hil_leading_zeros((uint32_t)sum);
    const int32_t shifted = (int32_t)((((int64_t)sum << (headroom - 1)) + (1 << 13)) >> 14);
    const int32_t place = hil_clamp(shifted - ((1 << 15) + (1 << 16)), INT16_MIN, INT16_MAX);
    const int32_t scale = interpolated(place, p->reciprocal_table);
    const int32_t right = 31 - headroom;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int64_t product = (int64_t)out[i] * scale + ((int64_t)1 << (right - 1));
      out[i] = (int16_t)hil_clamp((int32_t)(product >> right), 0, INT16_MAX);
    }
  }
}
