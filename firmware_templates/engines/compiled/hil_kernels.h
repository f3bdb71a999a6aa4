/* The kernels that generated models call.
 *
 * int8 and int16 kernels give the same bits as LiteRT's reference kernels; float kernels
 * agree within 1e-5. Tensors lie as in the .tflite: channels last. `params` and all that
 * it points to are constants of the model. Inputs and outputs never overlap.
 */
#ifndef HIL_KERNELS_H_
#define HIL_KERNELS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HIL_MAX_DIMS 6

/* How a window walks over an image. */
struct hil_window {
  int32_t batches;
  int32_t in_h, in_w, in_c;
  int32_t out_h, out_w, out_c;
  int32_t k_h, k_w;
  int32_t stride_h, stride_w;
  int32_t dilation_h, dilation_w;
  int32_t pad_h, pad_w; /* above and left */
};

/* filter: [out_c][k_h][k_w][filter_c]; filter_c < in_c for grouped convolution. */
struct hil_conv_s8 {
  struct hil_window window;
  int32_t filter_c;
  int32_t in_offset, out_offset, low, high;
  const int8_t *filter;
  const int32_t *bias, *multiplier;
  const int8_t *shift;
};
void hil_conv_s8(const struct hil_conv_s8 *params, const int8_t *in, int8_t *out);

/* narrow: sums have 32 bits, as LiteRT does where the bias has. */
struct hil_conv_s16 {
  struct hil_window window;
  int32_t filter_c;
  int32_t narrow, low, high;
  const int8_t *filter;
  const int64_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
};
void hil_conv_s16(const struct hil_conv_s16 *params, const int16_t *in, int16_t *out);

struct hil_conv_f32 {
  struct hil_window window;
  int32_t filter_c;
  float low, high;
  const float *filter, *bias;
};
void hil_conv_f32(const struct hil_conv_f32 *params, const float *in, float *out);

/* filter: [k_h][k_w][out_c]; filter_c is the depth multiplier. */
void hil_depthwise_s8(const struct hil_conv_s8 *params, const int8_t *in, int8_t *out);
void hil_depthwise_s16(const struct hil_conv_s16 *params, const int16_t *in, int16_t *out);
void hil_depthwise_f32(const struct hil_conv_f32 *params, const float *in, float *out);

/* filter: [out_c][in_c]. There is one scale, or one for each output channel. */
struct hil_dense_s8 {
  int32_t batches, in_c, out_c;
  int32_t in_offset, filter_offset, out_offset, low, high;
  const int8_t *filter;
  const int32_t *bias;
  const double *scale;
  int32_t scale_step; /* 0: one scale for all */
};
void hil_dense_s8(const struct hil_dense_s8 *params, const int8_t *in, int8_t *out);

struct hil_dense_s16 {
  int32_t batches, in_c, out_c;
  int32_t filter_offset, narrow, low, high;
  const int8_t *filter;
  const int64_t *bias;
  const double *scale;
  int32_t scale_step;
};
void hil_dense_s16(const struct hil_dense_s16 *params, const int16_t *in, int16_t *out);

struct hil_dense_f32 {
  int32_t batches, in_c, out_c;
  float low, high;
  const float *filter, *bias;
};
void hil_dense_f32(const struct hil_dense_f32 *params, const float *in, float *out);

struct hil_pool {
  struct hil_window window;
  int32_t low, high;
};
void hil_average_pool_s8(const struct hil_pool *params, const int8_t *in, int8_t *out);
void hil_average_pool_s16(const struct hil_pool *params, const int16_t *in, int16_t *out);
void hil_max_pool_s8(const struct hil_pool *params, const int8_t *in, int8_t *out);
void hil_max_pool_s16(const struct hil_pool *params, const int16_t *in, int16_t *out);

struct hil_pool_f32 {
  struct hil_window window;
  float low, high;
};
void hil_average_pool_f32(const struct hil_pool_f32 *params, const float *in, float *out);
void hil_max_pool_f32(const struct hil_pool_f32 *params, const float *in, float *out);

/* Two tensors to one; a step of 0 repeats a size-1 dimension. Unused dimensions have size 1
 * and come first. */
struct hil_pairing {
  int32_t size[HIL_MAX_DIMS];
  int32_t step_a[HIL_MAX_DIMS], step_b[HIL_MAX_DIMS];
};

/* sign is 1 for a sum, -1 for a difference. */
struct hil_add {
  struct hil_pairing pairing;
  int32_t sign, left_shift;
  int32_t a_offset, a_multiplier, a_shift;
  int32_t b_offset, b_multiplier, b_shift;
  int32_t out_offset, out_multiplier, out_shift;
  int32_t low, high;
};
void hil_add_s8(const struct hil_add *params, const int8_t *a, const int8_t *b, int8_t *out);
void hil_add_s16(const struct hil_add *params, const int16_t *a, const int16_t *b, int16_t *out);

struct hil_mul {
  struct hil_pairing pairing;
  int32_t a_offset, b_offset, out_offset, multiplier, shift, low, high;
};
void hil_mul_s8(const struct hil_mul *params, const int8_t *a, const int8_t *b, int8_t *out);
void hil_mul_s16(const struct hil_mul *params, const int16_t *a, const int16_t *b, int16_t *out);

struct hil_pair_f32 {
  struct hil_pairing pairing;
  float low, high;
};
void hil_add_f32(const struct hil_pair_f32 *params, const float *a, const float *b, float *out);
void hil_sub_f32(const struct hil_pair_f32 *params, const float *a, const float *b, float *out);
void hil_mul_f32(const struct hil_pair_f32 *params, const float *a, const float *b, float *out);

/* One int8 value to another by a table of 256; the table's index is value + 128. */
struct hil_table_s8 {
  int32_t count;
  const int8_t *table;
};
void hil_table_s8(const struct hil_table_s8 *params, const int8_t *in, int8_t *out);

/* clamp((in - in_zero) * m + out_zero): RELU on int16, and changes of scale and type. */
struct hil_rescale {
  int32_t count;
  int32_t in_zero, multiplier, shift, out_zero, low, high;
};
void hil_rescale_s16(const struct hil_rescale *params, const int16_t *in, int16_t *out);
void hil_rescale_s8_s16(const struct hil_rescale *params, const int8_t *in, int16_t *out);
void hil_rescale_s16_s8(const struct hil_rescale *params, const int16_t *in, int8_t *out);

/* in * multiplier / 2^shift on the table's scale of 1 / (3 * 4096). */
struct hil_sigmoid_s16 {
  int32_t count, multiplier, shift;
};
void hil_logistic_s16(const struct hil_sigmoid_s16 *params, const int16_t *in, int16_t *out);
void hil_tanh_s16(const struct hil_sigmoid_s16 *params, const int16_t *in, int16_t *out);

struct hil_unary_f32 {
  int32_t count;
  float low, high; /* of hil_clamp_f32 */
};
void hil_clamp_f32(const struct hil_unary_f32 *params, const float *in, float *out);
void hil_hard_swish_f32(const struct hil_unary_f32 *params, const float *in, float *out);
void hil_logistic_f32(const struct hil_unary_f32 *params, const float *in, float *out);
void hil_tanh_f32(const struct hil_unary_f32 *params, const float *in, float *out);

/* table[d] is exp(-d * scale * beta) with 31 fractional bits, for d up to table_size - 1;
 * beyond it exp counts as 0. */
struct hil_softmax_s8 {
  int32_t rows, depth;
  int32_t table_size;
  const int32_t *table;
};
void hil_softmax_s8(const struct hil_softmax_s8 *params, const int8_t *in, int8_t *out);

struct hil_softmax_s16 {
  int32_t rows, depth;
  int32_t multiplier, shift;
  const int16_t *exp_table;        /* 513 values: exp over [-10, 0] */
  const int16_t *reciprocal_table; /* 513 values: 1 / (1 + x) over [0, 1] */
};
void hil_softmax_s16(const struct hil_softmax_s16 *params, const int16_t *in, int16_t *out);

struct hil_softmax_f32 {
  int32_t rows, depth;
  float beta;
};
void hil_softmax_f32(const struct hil_softmax_f32 *params, const float *in, float *out);

/* Mean over the dimensions `reduced`, for each index of the dimensions `kept`. */
struct hil_mean {
  int32_t kept_size[HIL_MAX_DIMS], kept_step[HIL_MAX_DIMS];
  int32_t reduced_size[HIL_MAX_DIMS], reduced_step[HIL_MAX_DIMS];
  int32_t zero_sum; /* zero point times the number of elements */
  int32_t multiplier, shift, out_zero;
};
void hil_mean_s8(const struct hil_mean *params, const int8_t *in, int8_t *out);
void hil_mean_s16(const struct hil_mean *params, const int16_t *in, int16_t *out);
void hil_mean_f32(const struct hil_mean *params, const float *in, float *out);

struct hil_quantize {
  int32_t count;
  float scale;
  int32_t zero, low, high;
};
void hil_quantize_s8(const struct hil_quantize *params, const float *in, int8_t *out);
void hil_quantize_s16(const struct hil_quantize *params, const float *in, int16_t *out);
void hil_dequantize_s8(const struct hil_quantize *params, const int8_t *in, float *out);
void hil_dequantize_s16(const struct hil_quantize *params, const int16_t *in, float *out);

/* Moves blocks of bytes: transpose, slices, pad and concatenation of any type. `size` counts
 * blocks; steps, `from`, `to` and `block` are bytes. */
struct hil_move {
  int32_t size[HIL_MAX_DIMS];
  int32_t from_step[HIL_MAX_DIMS], to_step[HIL_MAX_DIMS];
  int32_t from, to, block;
};
void hil_move(const struct hil_move *params, const void *in, void *out);

/* Fills out with count elements of size 1, 2 or 4 bytes. */
struct hil_fill {
  int32_t count, size;
  uint32_t value;
};
void hil_fill(const struct hil_fill *params, void *out);

/* Rows and columns come from tables; block is the bytes of one pixel. */
struct hil_resize {
  int32_t batches, in_h, in_w, out_h, out_w, block;
  const uint16_t *rows, *columns;
};
void hil_resize_nearest(const struct hil_resize *params, const void *in, void *out);

#ifdef __cplusplus
}
#endif

#endif /* HIL_KERNELS_H_ */
