/* Operators that move values and compute nothing. */
#include <string.h>

#include "hil_kernels.h"
#include "hil_steps.h"

void hil_move(const struct hil_move *p, const void *in, void *out) {
  const int32_t rows = hil_row_count(p->size);
  const int32_t from_step = p->from_step[HIL_INNER];
  const int32_t to_step = p->to_step[HIL_INNER];
  const uint8_t *const source = in;
  uint8_t *const target = out;
  for (int32_t row = 0; row < rows; ++row) {
    int32_t from = p->from + hil_row_offset(row, p->size, p->from_step);
    int32_t to = p->to + hil_row_offset(row, p->size, p->to_step);
    for (int32_t i = p->size[HIL_INNER]; i > 0; --i) {
      if (p->block == 1) {
        target[to] = source[from];
      } else {
        memcpy(target + to, source + from, (size_t)p->block);
      }
      from += from_step;
      to += to_step;
    }
  }
}

void hil_fill(const struct hil_fill *p, void *out) {
  uint8_t *target = out;
  for (int32_t i = 0; i < p->count; ++i) {
    for (int32_t byte = 0; byte < p->size; ++byte) *target++ = (uint8_t)(p->value >> (8 * byte));
  }
}

void hil_resize_nearest(const struct hil_resize *p, const void *in, void *out) {
  const int32_t row_bytes = p->in_w * p->block;
  const uint8_t *source = in;
  uint8_t *target = out;
  for (int32_t batch = 0; batch < p->batches; ++batch, source += p->in_h * row_bytes) {
    for (int32_t y = 0; y < p->out_h; ++y) {
      const uint8_t *const row = source + p->rows[y] * row_bytes;
      for (int32_t x = 0; x < p->out_w; ++x, target += p->block) {
        memcpy(target, row + p->columns[x] * p->block, (size_t)p->block);
      }
    }
  }
}
