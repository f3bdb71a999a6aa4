/* hil_stack.c on a stack of this program's own: the argument is how many bytes a function
 * takes of it; prints how many were used before and after. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "hil_stack.h"

enum { kStackBytes = 262144 };
_Alignas(16) uint8_t hil_stack_bottom[kStackBytes];
/* As a linker script does it. */
__asm__(".globl hil_stack_top\n.set hil_stack_top, hil_stack_bottom + 262144\n");

static ucontext_t outside, inside;
static size_t to_take;
static uint32_t before, after;

__attribute__((noinline)) static void take(size_t bytes) {
  volatile uint8_t taken[1024];
  memset((uint8_t *)taken, 1, sizeof taken);
  if (bytes > sizeof taken) take(bytes - sizeof taken);
  taken[0] = 2; /* so that the call above is no jump */
}

static void work(void) {
  hil_stack_paint();
  if (!hil_stack_used(&before)) abort();
  take(to_take);
  if (!hil_stack_used(&after)) abort();
}

int main(int argc, char **argv) {
  to_take = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  getcontext(&inside);
  inside.uc_stack.ss_sp = hil_stack_bottom;
  inside.uc_stack.ss_size = kStackBytes;
  inside.uc_link = &outside;
  makecontext(&inside, work, 0);
  swapcontext(&outside, &inside);
  printf("%u %u\n", (unsigned)before, (unsigned)after);
  return 0;
}
