/* What a host of MLPerf Tiny sends as an input, and what it reads as an answer. */
#ifndef HIL_TEXT_INPUT_H_
#define HIL_TEXT_INPUT_H_

#include <stdbool.h>
#include <stdint.h>

/* The benchmark's name of the model that is loaded, or "custom". */
const char *hil_text_model(void);

/* Bytes that the host sends for one input, and that fit. */
uint32_t hil_text_input_bytes(void);
uint32_t hil_text_input_room(void);

/* Writes or reads one byte as the host sends it; it must lie within the room. */
void hil_text_input_put(uint32_t position, uint8_t byte);
uint8_t hil_text_input_get(uint32_t position);

/* All bytes have come: makes the staged input of them where that needs them all. */
void hil_text_input_finish(void);

/* How many numbers the answer has, and one of them. */
uint32_t hil_text_values(void);
double hil_text_value(uint32_t index);

#endif /* HIL_TEXT_INPUT_H_ */
