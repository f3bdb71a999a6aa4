/* Fixed-point arithmetic that gives the bits of LiteRT's reference kernels.
 *
 * A real multiplier is stored as m * 2^(shift - 31) with m in [2^30, 2^31). Sources:
 * tensorflow/lite/kernels/internal/common.cc and gemmlowp's fixedpoint.h (both
 * Apache-2.0); the rounding is theirs, the code is not.
 */
#ifndef HIL_FIXED_H_
#define HIL_FIXED_H_

#include <stdint.h>

static inline int32_t hil_min(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t hil_max(int32_t a, int32_t b) { return a > b ? a : b; }

static inline int32_t hil_clamp(int32_t value, int32_t low, int32_t high) {
  return hil_min(hil_max(value, low), high);
}

/* Sum that wraps where the reference would overflow too: same bits, no undefined behaviour. */
static inline int32_t hil_wrapping_add(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* a * b / 2^31, rounded to nearest. Only INT32_MIN * INT32_MIN does not fit. */
static inline int32_t hil_high_multiply(int32_t a, int32_t b) {
  const int64_t product = (int64_t)a * b + (1 << 30);
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return (int32_t)(product >> 31);
}

/* The same for a multiplier, which is never negative: there is nothing to saturate. */
static inline int32_t hil_high_scale(int32_t a, int32_t multiplier) {
  return (int32_t)(((int64_t)a * multiplier + (1 << 30)) >> 31);
}

/* x / 2^exponent, rounded to nearest, halves away from zero; exponent is 0 to 31. */
static inline int32_t hil_round_shift(int32_t x, int32_t exponent) {
  const int32_t mask = (int32_t)((1u << exponent) - 1u);
  const int32_t remainder = x & mask;
  const int32_t threshold = (int32_t)((uint32_t)mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* x * m * 2^(shift - 31), rounded twice, as LiteRT is built. */
static inline int32_t hil_scale(int32_t x, int32_t multiplier, int32_t shift) {
  if (shift > 0) return hil_high_scale((int32_t)((uint32_t)x << shift), multiplier);
  return hil_round_shift(hil_high_scale(x, multiplier), -shift);
}

/* The same for 64-bit sums: the multiplier is cut to 16 bits and there is one rounding. */
static inline int32_t hil_scale_wide(int64_t x, int32_t multiplier, int32_t shift) {
  const int32_t reduced = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
  const int32_t total = 15 - shift;
  return (int32_t)((x * reduced + ((int64_t)1 << (total - 1))) >> total);
}

/* round(x * scale), halves away from zero, in double as LiteRT does it for fully connected
 * layers; what does not fit becomes INT32_MIN, as on the x86 the reference ran on. */
static inline int32_t hil_scale_double(int64_t x, double scale) {
  const double value = (double)x * scale;
  if (!(value > -2147483648.5 && value < 2147483647.5)) return INT32_MIN;
  const int64_t whole = (int64_t)value;
  const double rest = value - (double)whole;
  if (rest >= 0.5) return (int32_t)(whole + 1);
  if (rest <= -0.5) return (int32_t)(whole - 1);
  return (int32_t)whole;
}

static inline int32_t hil_leading_zeros(uint32_t x) { return x == 0 ? 32 : __builtin_clz(x); }

#endif /* HIL_FIXED_H_ */
