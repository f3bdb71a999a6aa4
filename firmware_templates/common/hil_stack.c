#include "hil_stack.h"

#include <stddef.h>

#define PAINT 0xC5C5C5C5u

/* What lies below the stack pointer may be in use already: an interrupt's frame with
 * floating-point registers, a red zone. */
enum { kMarginBytes = 256 };

/* Through integers: to C the two symbols are different objects. */
static uintptr_t bottom(void) { return (uintptr_t)hil_stack_bottom; }
static uintptr_t top(void) { return (uintptr_t)hil_stack_top; }

void hil_stack_paint(void) {
  if (top() == 0) return;
  uintptr_t end = (uintptr_t)__builtin_frame_address(0) - kMarginBytes;
  for (uintptr_t at = bottom(); at < end; at += 4) *(volatile uint32_t *)at = PAINT;
}

bool hil_stack_used(uint32_t *bytes) {
  if (top() == 0) return false;
  uintptr_t at = bottom();
  while (at < top() && *(const volatile uint32_t *)at == PAINT) at += 4;
  *bytes = (uint32_t)(top() - at);
  return true;
}
