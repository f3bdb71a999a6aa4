/* Operators of one tensor, value by value: activations, and changes of type and scale. */
#include "hil_fixed.h"
#include "hil_kernels.h"

void hil_table_s8(const struct hil_table_s8 *p, const int8_t *in, int8_t *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = p->table[in[i] + 128];
}

static inline int32_t rescaled(const struct hil_rescale *p, int32_t value) {
  const int32_t scaled = hil_scale(value - p->in_zero, p->multiplier, p->shift);
  return hil_clamp(hil_wrapping_add(scaled, p->out_zero), p->low, p->high);
}

void hil_rescale_s16(const struct hil_rescale *p, const int16_t *in, int16_t *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = (int16_t)rescaled(p, in[i]);
}

void hil_rescale_s8_s16(const struct hil_rescale *p, const int8_t *in, int16_t *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = (int16_t)rescaled(p, in[i]);
}

void hil_rescale_s16_s8(const struct hil_rescale *p, const int16_t *in, int8_t *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = (int8_t)rescaled(p, in[i]);
}

/* float has 24 bits, so all whole numbers beyond 2^31 are far outside any range here. */
static int32_t quantized(const struct hil_quantize *p, float value) {
  const float scaled = value / p->scale;
  if (scaled >= 2147483648.0f) return p->high;
  if (!(scaled >= -2147483648.0f)) return p->low;
  const int32_t whole = (int32_t)scaled;
  const float rest = scaled - (float)whole;
  const int32_t rounded = whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
  return hil_clamp(hil_clamp(rounded, -65536, 65536) + p->zero, p->low, p->high);
}

void hil_quantize_s8(const struct hil_quantize *p, const float *in, int8_t *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = (int8_t)quantized(p, in[i]);
}

void hil_quantize_s16(const struct hil_quantize *p, const float *in, int16_t *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = (int16_t)quantized(p, in[i]);
}

void hil_dequantize_s8(const struct hil_quantize *p, const int8_t *in, float *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = p->scale * (float)(in[i] - p->zero);
}

void hil_dequantize_s16(const struct hil_quantize *p, const int16_t *in, float *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = p->scale * (float)(in[i] - p->zero);
}

void hil_clamp_f32(const struct hil_unary_f32 *p, const float *in, float *out) {
  for (int32_t i = 0; i < p->count; ++i) {
    const float raised = in[i] < p->low ? p->low : in[i];
    out[i] = raised > p->high ? p->high : raised;
  }
}

void hil_hard_swish_f32(const struct hil_unary_f32 *p, const float *in, float *out) {
  for (int32_t i = 0; i < p->count; ++i) {
    const float moved = in[i] + 3.0f;
    const float raised = moved < 0.0f ? 0.0f : moved;
    out[i] = in[i] * (raised > 6.0f ? 6.0f : raised) / 6.0f;
  }
}
