/* Which part of an image lies under a window: the taps outside are left out. */
#ifndef HIL_PATCH_H_
#define HIL_PATCH_H_

#include <stdint.h>

#include "hil_fixed.h"
#include "hil_kernels.h"

/* The taps of one axis that lie inside the image, and where the first one reads. */
struct hil_taps {
  int32_t first, count, place;
};

static inline struct hil_taps hil_taps_at(int32_t origin, int32_t dilation, int32_t taps,
                                          int32_t size) {
  struct hil_taps result = {0, 0, origin};
  int32_t end = size - origin; /* taps before this place are inside */
  if (dilation != 1) end = end > 0 ? (end + dilation - 1) / dilation : 0;
  if (origin < 0) {
    result.first = dilation == 1 ? -origin : (dilation - 1 - origin) / dilation;
    result.place = origin + result.first * dilation;
  }
  result.count = hil_max(hil_min(taps, end) - result.first, 0);
  return result;
}

static inline struct hil_taps hil_rows_at(const struct hil_window *window, int32_t out_y) {
  return hil_taps_at(out_y * window->stride_h - window->pad_h, window->dilation_h, window->k_h,
                     window->in_h);
}

static inline struct hil_taps hil_columns_at(const struct hil_window *window, int32_t out_x) {
  return hil_taps_at(out_x * window->stride_w - window->pad_w, window->dilation_w, window->k_w,
                     window->in_w);
}

/* Offsets in elements: rows of runs of values that lie side by side. */
struct hil_patch {
  int32_t in, filter;
  int32_t rows, in_row, filter_row;
  int32_t runs, in_run, filter_run;
  int32_t length;
};

/* The patch of a convolution with depth values a tap; taps side by side become one run. */
static inline struct hil_patch hil_patch_of(const struct hil_window *window, struct hil_taps y,
                                            struct hil_taps x, int32_t depth) {
  struct hil_patch patch = {
      .in = (y.place * window->in_w + x.place) * window->in_c,
      .filter = (y.first * window->k_w + x.first) * depth,
      .rows = y.count,
      .in_row = window->dilation_h * window->in_w * window->in_c,
      .filter_row = window->k_w * depth,
      .runs = x.count,
      .in_run = window->dilation_w * window->in_c,
      .filter_run = depth,
      .length = depth,
  };
  if (window->dilation_w == 1 && depth == window->in_c) {
    patch.length = depth * x.count;
    patch.runs = x.count != 0;
  }
  return patch;
}

#endif /* HIL_PATCH_H_ */
