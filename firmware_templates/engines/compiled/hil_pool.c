/* AVERAGE_POOL_2D and MAX_POOL_2D: taps outside the image do not count. */
#include "hil_kernels.h"
#include "hil_patch.h"

/* Where a pixel's window reads: the first value of its channel, and how many. */
struct view {
  int32_t rows, columns;
  int32_t start, row;
};

static struct view view_at(const struct hil_window *g, int32_t batch, int32_t y, int32_t x) {
  const struct hil_taps rows = hil_rows_at(g, y);
  const struct hil_taps columns = hil_columns_at(g, x);
  return (struct view){
      .rows = rows.count,
      .columns = columns.count,
      .start = ((batch * g->in_h + rows.place) * g->in_w + columns.place) * g->in_c,
      .row = g->in_w * g->in_c,
  };
}

/* Calls value(params, window, view, in + channel) for every output value in order. */
#define HIL_POOL(params, in, out, value)                             \
  do {                                                               \
    const struct hil_window *g = &(params)->window;                  \
    for (int32_t b = 0; b < g->batches; ++b) {                       \
      for (int32_t y = 0; y < g->out_h; ++y) {                       \
        for (int32_t x = 0; x < g->out_w; ++x) {                     \
          const struct view view = view_at(g, b, y, x);              \
          for (int32_t c = 0; c < g->in_c; ++c) {                    \
            *(out)++ = value((params), &view, (in) + view.start + c); \
          }                                                          \
        }                                                            \
      }                                                              \
    }                                                                \
  } while (0)

/* Rounded to nearest, halves away from zero. */
static int32_t mean_of(const struct hil_pool *p, const struct view *view, int32_t sum) {
  const int32_t count = view->rows * view->columns;
  const int32_t half = sum > 0 ? count / 2 : -(count / 2);
  return hil_clamp((sum + half) / count, p->low, p->high);
}

static int8_t average_s8(const struct hil_pool *p, const struct view *view, const int8_t *in) {
  int32_t sum = 0;
  for (int32_t y = 0; y < view->rows; ++y, in += view->row) {
    for (int32_t x = 0; x < view->columns; ++x) sum += in[x * p->window.in_c];
  }
  return (int8_t)mean_of(p, view, sum);
}

static int16_t average_s16(const struct hil_pool *p, const struct view *view, const int16_t *in) {
  int32_t sum = 0;
  for (int32_t y = 0; y < view->rows; ++y, in += view->row) {
    for (int32_t x = 0; x < view->columns; ++x) {
      sum = hil_wrapping_add(sum, in[x * p->window.in_c]);
    }
  }
  return (int16_t)mean_of(p, view, sum);
}

static float average_f32(const struct hil_pool_f32 *p, const struct view *view, const float *in) {
  float sum = 0.0f;
  for (int32_t y = 0; y < view->rows; ++y, in += view->row) {
    for (int32_t x = 0; x < view->columns; ++x) sum += in[x * p->window.in_c];
  }
  const float mean = sum / (float)(view->rows * view->columns);
  const float raised = mean < p->low ? p->low : mean;
  return raised > p->high ? p->high : raised;
}

static int8_t max_s8(const struct hil_pool *p, const struct view *view, const int8_t *in) {
  int32_t most = INT8_MIN;
  for (int32_t y = 0; y < view->rows; ++y, in += view->row) {
    for (int32_t x = 0; x < view->columns; ++x) most = hil_max(most, in[x * p->window.in_c]);
  }
  return (int8_t)hil_clamp(most, p->low, p->high);
}

static int16_t max_s16(const struct hil_pool *p, const struct view *view, const int16_t *in) {
  int32_t most = INT16_MIN;
  for (int32_t y = 0; y < view->rows; ++y, in += view->row) {
    for (int32_t x = 0; x < view->columns; ++x) most = hil_max(most, in[x * p->window.in_c]);
  }
  return (int16_t)hil_clamp(most, p->low, p->high);
}

static float max_f32(const struct hil_pool_f32 *p, const struct view *view, const float *in) {
  float most = p->low;
  for (int32_t y = 0; y < view->rows; ++y, in += view->row) {
    for (int32_t x = 0; x < view->columns; ++x) {
      const float value = in[x * p->window.in_c];
      most = value > most ? value : most;
    }
  }
  return most > p->high ? p->high : most;
}

void hil_average_pool_s8(const struct hil_pool *p, const int8_t *in, int8_t *out) {
  HIL_POOL(p, in, out, average_s8);
}

void hil_average_pool_s16(const struct hil_pool *p, const int16_t *in, int16_t *out) {
  HIL_POOL(p, in, out, average_s16);
}

void hil_average_pool_f32(const struct hil_pool_f32 *p, const float *in, float *out) {
  HIL_POOL(p, in, out, average_f32);
}

void hil_max_pool_s8(const struct hil_pool *p, const int8_t *in, int8_t *out) {
  HIL_POOL(p, in, out, max_s8);
}

void hil_max_pool_s16(const struct hil_pool *p, const int16_t *in, int16_t *out) {
  HIL_POOL(p, in, out, max_s16);
}

void hil_max_pool_f32(const struct hil_pool_f32 *p, const float *in, float *out) {
  HIL_POOL(p, in, out, max_f32);
}
