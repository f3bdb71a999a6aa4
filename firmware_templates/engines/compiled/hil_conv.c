/* CONV_2D. */
#include "hil_dot.h"
#include "hil_finish.h"
#include "hil_kernels.h"
#include "hil_patch.h"

/* One output pixel, four channels from `channel` on. */
static void conv4_s8(const struct hil_conv_s8 *p, const struct hil_patch *patch, const int8_t *in,
                     int32_t channel, int8_t *out) {
  const int32_t step = p->window.k_h * p->window.k_w * p->filter_c;
  const int8_t *in_row = in + patch->in;
  const int8_t *filter_row = p->filter + channel * step + patch->filter;
  int32_t sum[4];
  hil_start4_s8(p, channel, sum);
  for (int32_t y = 0; y < patch->rows; ++y) {
    const int8_t *x = in_row;
    const int8_t *w = filter_row;
    for (int32_t run = 0; run < patch->runs; ++run) {
      hil_dot4_s8(x, w, step, patch->length, p->in_offset, sum);
      x += patch->in_run;
      w += patch->filter_run;
    }
    in_row += patch->in_row;
    filter_row += patch->filter_row;
  }
  hil_finish4_s8(p, channel, sum, out);
}

static void conv1_s8(const struct hil_conv_s8 *p, const struct hil_patch *patch, const int8_t *in,
                     int32_t channel, int8_t *out) {
  const int32_t step = p->window.k_h * p->window.k_w * p->filter_c;
  const int8_t *filter = p->filter + channel * step + patch->filter;
  int32_t sum = p->bias[channel];
  for (int32_t y = 0; y < patch->rows; ++y) {
    for (int32_t run = 0; run < patch->runs; ++run) {
      sum = hil_dot_s8(in + patch->in + y * patch->in_row + run * patch->in_run,
                       filter + y * patch->filter_row + run * patch->filter_run, patch->length,
                       p->in_offset, sum);
    }
  }
  hil_finish1_s8(p, channel, sum, out);
}

void hil_conv_s8(const struct hil_conv_s8 *p, const int8_t *in, int8_t *out) {
  const struct hil_window *g = &p->window;
  const int32_t groups = g->in_c / p->filter_c;
  const int32_t group_channels = g->out_c / groups;
  for (int32_t batch = 0; batch < g->batches; ++batch, in += g->in_h * g->in_w * g->in_c) {
    for (int32_t y = 0; y < g->out_h; ++y) {
      const struct hil_taps rows = hil_rows_at(g, y);
      for (int32_t x = 0; x < g->out_w; ++x, out += g->out_c) {
        const struct hil_patch patch = hil_patch_of(g, rows, hil_columns_at(g, x), p->filter_c);
        for (int32_t group = 0; group < groups; ++group) {
          const int8_t *values = in + group * p->filter_c;
          int32_t channel = group * group_channels;
          const int32_t end = channel + group_channels;
          for (; channel + 4 <= end; channel += 4) conv4_s8(p, &patch, values, channel, out);
          for (; channel < end; ++channel) conv1_s8(p, &patch, values, channel, out);
        }
      }
    }
  }
}

static int16_t conv1_s16(const struct hil_conv_s16 *p, const struct hil_patch *patch,
                         const int16_t *in, int32_t channel) {
  const int32_t step = p->window.k_h * p->window.k_w * p->filter_c;
  const int8_t *filter = p->filter + channel * step + patch->filter;
  int64_t sum = p->bias[channel];
  for (int32_t y = 0; y < patch->rows; ++y) {
    for (int32_t run = 0; run < patch->runs; ++run) {
      const int16_t *x = in + patch->in + y * patch->in_row + run * patch->in_run;
      const int8_t *w = filter + y * patch->filter_row + run * patch->filter_run;
      for (int32_t i = 0; i < patch->length; ++i) sum += x[i] * w[i];
    }
  }
  const int32_t multiplier = p->multiplier[channel];
  const int32_t shift = p->shift[channel];
  const int32_t scaled = p->narrow ? hil_scale((int32_t)sum, multiplier, shift)
                                   : hil_scale_wide(sum, multiplier, shift);
  return (int16_t)hil_clamp(scaled, p->low, p->high);
}

void hil_conv_s16(const struct hil_conv_s16 *p, const int16_t *in, int16_t *out) {
  const struct hil_window *g = &p->window;
  const int32_t groups = g->in_c / p->filter_c;
  const int32_t group_channels = g->out_c / groups;
  for (int32_t batch = 0; batch < g->batches; ++batch, in += g->in_h * g->in_w * g->in_c) {
    for (int32_t y = 0; y < g->out_h; ++y) {
      const struct hil_taps rows = hil_rows_at(g, y);
      for (int32_t x = 0; x < g->out_w; ++x) {
        const struct hil_patch patch = hil_patch_of(g, rows, hil_columns_at(g, x), p->filter_c);
        for (int32_t group = 0; group < groups; ++group) {
          for (int32_t i = 0; i < group_channels; ++i) {
            *out++ = conv1_s16(p, &patch, in + group * p->filter_c, group * group_channels + i);
          }
        }
      }
    }
  }
}

static float conv1_f32(const struct hil_conv_f32 *p, const struct hil_patch *patch,
                       const float *in, int32_t channel) {
  const int32_t step = p->window.k_h * p->window.k_w * p->filter_c;
  const float *filter = p->filter + channel * step + patch->filter;
  float sum = 0.0f;
  for (int32_t y = 0; y < patch->rows; ++y) {
    for (int32_t run = 0; run < patch->runs; ++run) {
      const float *x = in + patch->in + y * patch->in_row + run * patch->in_run;
      const float *w = filter + y * patch->filter_row + run * patch->filter_run;
      for (int32_t i = 0; i < patch->length; ++i) sum += x[i] * w[i];
    }
  }
  sum += p->bias[channel];
  sum = sum < p->low ? p->low : sum;
  return sum > p->high ? p->high : sum;
}

void hil_conv_f32(const struct hil_conv_f32 *p, const float *in, float *out) {
  const struct hil_window *g = &p->window;
  const int32_t groups = g->in_c / p->filter_c;
  const int32_t group_channels = g->out_c / groups;
  for (int32_t batch = 0; batch < g->batches; ++batch, in += g->in_h * g->in_w * g->in_c) {
    for (int32_t y = 0; y < g->out_h; ++y) {
      const struct hil_taps rows = hil_rows_at(g, y);
      for (int32_t x = 0; x < g->out_w; ++x) {
        const struct hil_patch patch = hil_patch_of(g, rows, hil_columns_at(g, x), p->filter_c);
        for (int32_t group = 0; group < groups; ++group) {
          for (int32_t i = 0; i < group_channels; ++i) {
            *out++ = conv1_f32(p, &patch, in + group * p->filter_c, group * group_channels + i);
          }
        }
      }
    }
  }
}
