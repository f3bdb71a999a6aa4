/* DEPTHWISE_CONV_2D: each input channel has filter_c filters of its own. */
#include "hil_dot.h"
#include "hil_finish.h"
#include "hil_kernels.h"
#include "hil_patch.h"

/* The patch of channel 0 with its taps one by one: values of a channel lie in_c apart. */
static struct hil_patch depthwise_patch(const struct hil_window *g, struct hil_taps y,
                                        struct hil_taps x) {
  return (struct hil_patch){
      .in = (y.place * g->in_w + x.place) * g->in_c,
      .filter = (y.first * g->k_w + x.first) * g->out_c,
      .rows = y.count,
      .in_row = g->dilation_h * g->in_w * g->in_c,
      .filter_row = g->k_w * g->out_c,
      .runs = x.count,
      .in_run = g->dilation_w * g->in_c,
      .filter_run = g->out_c,
      .length = 1,
  };
}

/* sum[i] += (x[i] + offset) * w[i] for four channels. */
static inline void tap4_s8(const int8_t *x, const int8_t *w, int32_t offset, int32_t sum[4]) {
#if HIL_DSP
  const uint32_t pair = hil_pair(offset);
  const uint32_t values = hil_load4(x);
  const uint32_t weights = hil_load4(w);
  const uint32_t even = hil_even(pair, values);
  const uint32_t odd = hil_odd(pair, values);
  const uint32_t even_weights = hil_even0(weights);
  const uint32_t odd_weights = hil_odd0(weights);
  sum[0] = hil_smlabb(even, even_weights, sum[0]);
  sum[1] = hil_smlabb(odd, odd_weights, sum[1]);
  sum[2] = hil_smlatt(even, even_weights, sum[2]);
  sum[3] = hil_smlatt(odd, odd_weights, sum[3]);
#else
  sum[0] += (x[0] + offset) * w[0];
  sum[1] += (x[1] + offset) * w[1];
  sum[2] += (x[2] + offset) * w[2];
  sum[3] += (x[3] + offset) * w[3];
#endif
}

/* One output pixel, four channels, where each channel has one filter. */
static void depthwise4_s8(const struct hil_conv_s8 *p, const struct hil_patch *patch,
                          const int8_t *in, int32_t channel, int8_t *out) {
  const int8_t *in_row = in + patch->in + channel;
  const int8_t *filter_row = p->filter + patch->filter + channel;
  const int32_t in_run = patch->in_run;
  const int32_t filter_run = patch->filter_run;
  const int32_t offset = p->in_offset;
  int32_t sum[4];
  hil_start4_s8(p, channel, sum);
  for (int32_t y = 0; y < patch->rows; ++y) {
    const int8_t *x = in_row;
    const int8_t *w = filter_row;
    for (int32_t run = patch->runs; run > 0; --run) {
      tap4_s8(x, w, offset, sum);
      x += in_run;
      w += filter_run;
    }
    in_row += patch->in_row;
    filter_row += patch->filter_row;
  }
  hil_finish4_s8(p, channel, sum, out);
}

static void depthwise1_s8(const struct hil_conv_s8 *p, const struct hil_patch *patch,
                          const int8_t *in, int32_t channel, int8_t *out) {
  const int8_t *values = in + patch->in + channel / p->filter_c;
  const int8_t *filter = p->filter + patch->filter + channel;
  int32_t sum = p->bias[channel];
  for (int32_t y = 0; y < patch->rows; ++y) {
    for (int32_t run = 0; run < patch->runs; ++run) {
      sum += (values[y * patch->in_row + run * patch->in_run] + p->in_offset) *
             filter[y * patch->filter_row + run * patch->filter_run];
    }
  }
  hil_finish1_s8(p, channel, sum, out);
}

void hil_depthwise_s8(const struct hil_conv_s8 *p, const int8_t *in, int8_t *out) {
  const struct hil_window *g = &p->window;
  for (int32_t batch = 0; batch < g->batches; ++batch, in += g->in_h * g->in_w * g->in_c) {
    for (int32_t y = 0; y < g->out_h; ++y) {
      const struct hil_taps rows = hil_rows_at(g, y);
      for (int32_t x = 0; x < g->out_w; ++x, out += g->out_c) {
        const struct hil_patch patch = depthwise_patch(g, rows, hil_columns_at(g, x));
        int32_t channel = 0;
        if (p->filter_c == 1) {
          for (; channel + 4 <= g->out_c; channel += 4) {
            depthwise4_s8(p, &patch, in, channel, out);
          }
        }
        for (; channel < g->out_c; ++channel) {
          depthwise1_s8(p, &patch, in, channel, out);
        }
      }
    }
  }
}

static int16_t depthwise1_s16(const struct hil_conv_s16 *p, const struct hil_patch *patch,
                              const int16_t *in, int32_t channel) {
  const int16_t *values = in + patch->in + channel / p->filter_c;
  const int8_t *filter = p->filter + patch->filter + channel;
  int64_t sum = p->bias[channel];
  for (int32_t y = 0; y < patch->rows; ++y) {
    for (int32_t run = 0; run < patch->runs; ++run) {
      sum += values[y * patch->in_row + run * patch->in_run] *
             filter[y * patch->filter_row + run * patch->filter_run];
    }
  }
  const int32_t scaled = hil_scale_wide(sum, p->multiplier[channel], p->shift[channel]);
  return (int16_t)hil_clamp(scaled, p->low, p->high);
}

void hil_depthwise_s16(const struct hil_conv_s16 *p, const int16_t *in, int16_t *out) {
  const struct hil_window *g = &p->window;
  for (int32_t batch = 0; batch < g->batches; ++batch, in += g->in_h * g->in_w * g->in_c) {
    for (int32_t y = 0; y < g->out_h; ++y) {
      const struct hil_taps rows = hil_rows_at(g, y);
      for (int32_t x = 0; x < g->out_w; ++x) {
        const struct hil_patch patch = depthwise_patch(g, rows, hil_columns_at(g, x));
        for (int32_t channel = 0; channel < g->out_c; ++channel) {
          *out++ = depthwise1_s16(p, &patch, in, channel);
        }
      }
    }
  }
}

static float depthwise1_f32(const struct hil_conv_f32 *p, const struct hil_patch *patch,
                            const float *in, int32_t channel) {
  const float *values = in + patch->in + channel / p->filter_c;
  const float *filter = p->filter + patch->filter + channel;
  float sum = 0.0f;
  for (int32_t y = 0; y < patch->rows; ++y) {
    for (int32_t run = 0; run < patch->runs; ++run) {
      sum += values[y * patch->in_row + run * patch->in_run] *
             filter[y * patch->filter_row + run * patch->filter_run];
    }
  }
  sum += p->bias[channel];
  sum = sum < p->low ? p->low : sum;
  return sum > p->high ? p->high : sum;
}

void hil_depthwise_f32(const struct hil_conv_f32 *p, const float *in, float *out) {
  const struct hil_window *g = &p->window;
  for (int32_t batch = 0; batch < g->batches; ++batch, in += g->in_h * g->in_w * g->in_c) {
    for (int32_t y = 0; y < g->out_h; ++y) {
      const struct hil_taps rows = hil_rows_at(g, y);
      for (int32_t x = 0; x < g->out_w; ++x) {
        const struct hil_patch patch = depthwise_patch(g, rows, hil_columns_at(g, x));
        for (int32_t channel = 0; channel < g->out_c; ++channel) {
          *out++ = depthwise1_f32(p, &patch, in, channel);
        }
      }
    }
  }
}
