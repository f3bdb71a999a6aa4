/* What TFLite Micro said last: libraries with error strings say why they refuse. */
#ifndef HIL_TFLM_LOG_H_
#define HIL_TFLM_LOG_H_

#include <cstdint>

namespace hil {

void log_clear();

/* The first message since log_clear, which names the cause; "" where there is none. */
const char* log_text();

/* Whether that message says how many bytes the arena lacks. */
bool log_tells_missing(uint32_t* missing_bytes);

}  // namespace hil

#endif  // HIL_TFLM_LOG_H_
