/* FULLY_CONNECTED. */
#include "hil_dot.h"
#include "hil_fixed.h"
#include "hil_kernels.h"

static int8_t finish_s8(const struct hil_dense_s8 *p, int32_t channel, int32_t sum) {
  const int32_t scaled = hil_scale_double(sum, p->scale[channel * p->scale_step]);
  return (int8_t)hil_clamp(hil_wrapping_add(scaled, p->out_offset), p->low, p->high);
}

void hil_dense_s8(const struct hil_dense_s8 *p, const int8_t *in, int8_t *out) {
  for (int32_t batch = 0; batch < p->batches; ++batch, in += p->in_c, out += p->out_c) {
    /* (w + o) * x = w * x + o * x: the second part is the same for every channel. */
    int32_t common = 0;
    if (p->filter_offset != 0) {
      for (int32_t i = 0; i < p->in_c; ++i) common += (in[i] + p->in_offset) * p->filter_offset;
    }
    int32_t channel = 0;
    for (; channel + 4 <= p->out_c; channel += 4) {
      int32_t sum[4];
      for (int32_t i = 0; i < 4; ++i) sum[i] = p->bias[channel + i] + common;
      hil_dot4_s8(in, p->filter + channel * p->in_c, p->in_c, p->in_c, p->in_offset, sum);
      for (int32_t i = 0; i < 4; ++i) out[channel + i] = finish_s8(p, channel + i, sum[i]);
    }
    for (; channel < p->out_c; ++channel) {
      const int32_t sum = hil_dot_s8(in, p->filter + channel * p->in_c, p->in_c, p->in_offset,
                                     p->bias[channel] + common);
      out[channel] = finish_s8(p, channel, sum);
    }
  }
}

void hil_dense_s16(const struct hil_dense_s16 *p, const int16_t *in, int16_t *out) {
  for (int32_t batch = 0; batch < p->batches; ++batch, in += p->in_c) {
    for (int32_t channel = 0; channel < p->out_c; ++channel) {
      const int8_t *filter = p->filter + channel * p->in_c;
      int64_t sum = p->bias[channel];
      for (int32_t i = 0; i < p->in_c; ++i) sum += in[i] * (filter[i] + p->filter_offset);
      if (p->narrow) sum = (int32_t)sum;
      const int32_t scaled = hil_scale_double(sum, p->scale[channel * p->scale_step]);
      *out++ = (int16_t)hil_clamp(scaled, p->low, p->high);
    }
  }
}

void hil_dense_f32(const struct hil_dense_f32 *p, const float *in, float *out) {
  for (int32_t batch = 0; batch < p->batches; ++batch, in += p->in_c) {
    for (int32_t channel = 0; channel < p->out_c; ++channel) {
      const float *filter = p->filter + channel * p->in_c;
      float sum = 0.0f;
      for (int32_t i = 0; i < p->in_c; ++i) sum += in[i] * filter[i];
      sum += p->bias[channel];
      sum = sum < p->low ? p->low : sum;
      *out++ = sum > p->high ? p->high : sum;
    }
  }
}
