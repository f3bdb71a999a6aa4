/* How much of the stack was ever used: it is painted at start and looked at later. */
#ifndef HIL_STACK_H_
#define HIL_STACK_H_

#include <stdbool.h>
#include <stdint.h>

/* Given by the board's linker script, aligned to 4 bytes; the stack grows down from top
 * to bottom. Where they are absent nothing is measured. */
extern uint8_t hil_stack_bottom[] __attribute__((weak));
extern uint8_t hil_stack_top[] __attribute__((weak));

/* Paints what is unused now; call as early as possible. */
void hil_stack_paint(void);

/* Whether it is measured, and the bytes used at most so far. */
bool hil_stack_used(uint32_t *bytes);

#endif /* HIL_STACK_H_ */
