/* Inner products of int8, four rows of a matrix at once.
 *
 * The offset is added while a value is widened, which is free with the DSP extension
 * (SXTAB16): so borders, where taps are missing, need no correction.
 */
#ifndef HIL_DOT_H_
#define HIL_DOT_H_

#include <stdint.h>
#include <string.h>

/* Without optimization a register is lost to the frame pointer, and the assembly needs it. */
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && defined(__GNUC__) && defined(__OPTIMIZE__)
#define HIL_DSP 1
#else
#define HIL_DSP 0
#endif

#if HIL_DSP
static inline uint32_t hil_load4(const int8_t *from) {
  uint32_t word;
  memcpy(&word, from, sizeof word); /* one LDR: these cores read unaligned words */
  return word;
}

static inline uint32_t hil_pair(int32_t value) {
  return ((uint32_t)value & 0xFFFFu) | ((uint32_t)value << 16);
}

/* Bytes 0 and 2, widened and added to two halves. Assembly, since the compiler's intrinsics
 * do not fold the rotation of the second form into the instruction. */
static inline uint32_t hil_even(uint32_t pair, uint32_t word) {
  uint32_t result;
  __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(pair), "r"(word));
  return result;
}

/* Bytes 1 and 3. */
static inline uint32_t hil_odd(uint32_t pair, uint32_t word) {
  uint32_t result;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(pair), "r"(word));
  return result;
}

static inline uint32_t hil_even0(uint32_t word) {
  uint32_t result;
  __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
  return result;
}

static inline uint32_t hil_odd0(uint32_t word) {
  uint32_t result;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
  return result;
}

static inline int32_t hil_smlabb(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

static inline int32_t hil_smlatt(uint32_t a, uint32_t b, int32_t sum) {
  int32_t result;
  __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/* Four values with four weights of each of four rows, which lie step bytes apart. In one piece:
 * left alone, the compiler keeps a pointer for each row and has no registers left for the sums.
 * It is not told that weights are read, for they are constants. */
#define HIL_MAC4(sum)               \
  "sxtb16 %[part], %[word]\n"       \
  "sxtb16 %[word], %[word], ror #8\n" \
  "smlad " sum ", %[even], %[part], " sum "\n" \
  "smlad " sum ", %[odd], %[word], " sum "\n"
#define HIL_MAC16(word, weights, step, pair, a0, a1, a2, a3)                                 \
  do {                                                                                       \
    uint32_t even, odd, part;                                                                \
    __asm__("sxtab16 %[even], %[pair], %[word]\n"                                            \
            "sxtab16 %[odd], %[pair], %[word], ror #8\n"                                     \
            "ldr %[word], [%[w], %[step]]\n" HIL_MAC4("%[s1]")                               \
            "ldr %[word], [%[w], %[step], lsl #1]\n" HIL_MAC4("%[s2]")                       \
            "add %[word], %[w], %[step]\n"                                                   \
            "ldr %[word], [%[word], %[step], lsl #1]\n" HIL_MAC4("%[s3]")                    \
            "ldr %[word], [%[w]], #4\n" HIL_MAC4("%[s0]")                                    \
            : [word] "+r"(word), [w] "+r"(weights), [s0] "+r"(a0), [s1] "+r"(a1),            \
              [s2] "+r"(a2), [s3] "+r"(a3), [even] "=&r"(even), [odd] "=&r"(odd),            \
              [part] "=&r"(part)                                                             \
            : [step] "r"(step), [pair] "r"(pair));                                           \
  } while (0)
#endif

/* sum[i] += the sum of (x[j] + offset) * w[i * step + j], j < length, for i = 0 to 3. */
static inline void hil_dot4_s8(const int8_t *x, const int8_t *w, int32_t step, int32_t length,
                               int32_t offset, int32_t sum[4]) {
  int32_t a0 = sum[0], a1 = sum[1], a2 = sum[2], a3 = sum[3];
#if HIL_DSP
  const uint32_t pair = hil_pair(offset);
  const int8_t *const end = x + (length & ~3);
  while (x != end) {
    uint32_t word = hil_load4(x);
    x += 4;
    HIL_MAC16(word, w, step, pair, a0, a1, a2, a3);
  }
  length &= 3;
#endif
  const int8_t *const w1 = w + step;
  const int8_t *const w2 = w1 + step;
  const int8_t *const w3 = w2 + step;
  for (int32_t i = 0; i < length; ++i) {
    const int32_t value = x[i] + offset;
    a0 += value * w[i];
    a1 += value * w1[i];
    a2 += value * w2[i];
    a3 += value * w3[i];
  }
  sum[0] = a0;
  sum[1] = a1;
  sum[2] = a2;
  sum[3] = a3;
}

/* The same for one row. */
static inline int32_t hil_dot_s8(const int8_t *x, const int8_t *w, int32_t length, int32_t offset,
                                 int32_t sum) {
  for (int32_t i = 0; i < length; ++i) sum += (x[i] + offset) * w[i];
  return sum;
}

#endif /* HIL_DOT_H_ */
