/* What an engine may tell beside hil_engine.h's calls; these defaults know nothing. */
#include "hil_engine.h"

static const struct hil_engine_numbers kUnknown = {HIL_ENGINE_UNKNOWN, 0, 0};

__attribute__((weak)) struct hil_engine_numbers hil_engine_input_numbers(uint32_t index) {
  (void)index;
  return kUnknown;
}

__attribute__((weak)) struct hil_engine_numbers hil_engine_output_numbers(uint32_t index) {
  (void)index;
  return kUnknown;
}
