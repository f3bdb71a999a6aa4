/* Walks over up to HIL_MAX_DIMS dimensions: the last is an inner loop, the others are one. */
#ifndef HIL_STEPS_H_
#define HIL_STEPS_H_

#include <stdint.h>

#include "hil_kernels.h"

#define HIL_INNER (HIL_MAX_DIMS - 1)

/* The number of rows: all dimensions but the last. */
static inline int32_t hil_row_count(const int32_t size[HIL_MAX_DIMS]) {
  int32_t count = 1;
  for (int32_t i = 0; i < HIL_INNER; ++i) count *= size[i];
  return count;
}

/* Where a row begins. */
static inline int32_t hil_row_offset(int32_t row, const int32_t size[HIL_MAX_DIMS],
                                     const int32_t step[HIL_MAX_DIMS]) {
  int32_t offset = 0;
  for (int32_t i = HIL_INNER - 1; i >= 0 && row > 0; --i) {
    offset += row % size[i] * step[i];
    row /= size[i];
  }
  return offset;
}

#endif /* HIL_STEPS_H_ */
