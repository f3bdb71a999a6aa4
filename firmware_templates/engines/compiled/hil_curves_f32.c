/* Float kernels that need libm; a file of their own, so that no other model links it. */
#include <math.h>

#include "hil_kernels.h"

void hil_logistic_f32(const struct hil_unary_f32 *p, const float *in, float *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = 1.0f / (1.0f + expf(-in[i]));
}

void hil_tanh_f32(const struct hil_unary_f32 *p, const float *in, float *out) {
  for (int32_t i = 0; i < p->count; ++i) out[i] = tanhf(in[i]);
}

void hil_softmax_f32(const struct hil_softmax_f32 *p, const float *in, float *out) {
  for (int32_t row = 0; row < p->rows; ++row, in += p->depth, out += p->depth) {
    float most = in[0];
    for (int32_t i = 1; i < p->depth; ++i) most = in[i] > most ? in[i] : most;
    float sum = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) {
      out[i] = expf((in[i] - most) * p->beta);
      sum += out[i];
    }
    for (int32_t i = 0; i < p->depth; ++i) out[i] /= sum;
  }
}
