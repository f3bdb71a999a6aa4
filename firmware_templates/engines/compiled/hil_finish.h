/* Sums of int8 convolutions brought to the output's scale, four channels at once. */
#ifndef HIL_FINISH_H_
#define HIL_FINISH_H_

#include "hil_fixed.h"
#include "hil_kernels.h"

static inline void hil_start4_s8(const struct hil_conv_s8 *p, int32_t channel, int32_t sum[4]) {
  const int32_t *const bias = p->bias + channel;
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) sum[i] = bias[i];
}

/* Parameters are read before anything is stored: int8_t may alias them all. */
static inline void hil_finish4_s8(const struct hil_conv_s8 *p, int32_t channel,
                                  const int32_t sum[4], int8_t *out) {
  const int32_t *const multiplier = p->multiplier + channel;
  const int8_t *const shift = p->shift + channel;
  const int32_t offset = p->out_offset;
  const int32_t low = p->low;
  const int32_t high = p->high;
  int8_t value[4];
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) {
    value[i] = (int8_t)hil_clamp(hil_scale(sum[i], multiplier[i], shift[i]) + offset, low, high);
  }
  out += channel;
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) out[i] = value[i];
}

static inline void hil_finish1_s8(const struct hil_conv_s8 *p, int32_t channel, int32_t sum,
                                  int8_t *out) {
  const int32_t scaled = hil_scale(sum, p->multiplier[channel], p->shift[channel]);
  out[channel] = (int8_t)hil_clamp(scaled + p->out_offset, p->low, p->high);
}

#endif /* HIL_FINISH_H_ */
