/* The command line and the signals of the board `native`. */
#define _GNU_SOURCE /* the registers of a signal's context */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "hil_fault.h"
#include "hil_main.h"
#include "native.h"

struct native_options native_options;

static const char usage[] =
    "usage: hil.elf [--pty [--line-limit BAUD] | --tcp PORT] [--watch-stdin]\n"
    "\n"
    "Speaks docs/protocol.md on standard input and output, ends at their end.\n"
    "  --pty              opens a pty and prints its path\n"
    "  --line-limit BAUD  the pty damages what is sent at a higher rate\n"
    "  --tcp PORT         listens on 127.0.0.1 and prints where (PORT 0: any)\n"
    "  --watch-stdin      ends also when standard input ends\n";

static uint32_t number(const char *text, unsigned long most) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value > most) {
    fprintf(stderr, "hil.elf: %s is no number from 0 to %lu\n", text, most);
    exit(2);
  }
  return (uint32_t)value;
}

static void read_options(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    bool has_value = i + 1 < argc;
    if (strcmp(argv[i], "--pty") == 0) {
      native_options.line = NATIVE_PTY;
    } else if (strcmp(argv[i], "--watch-stdin") == 0) {
      native_options.watch_stdin = true;
    } else if (strcmp(argv[i], "--line-limit") == 0 && has_value) {
      native_options.line_limit_baud = number(argv[++i], UINT32_MAX);
    } else if (strcmp(argv[i], "--tcp") == 0 && has_value) {
      native_options.line = NATIVE_TCP;
      native_options.tcp_port = (uint16_t)number(argv[++i], UINT16_MAX);
    } else {
      fputs(usage, stderr);
      exit(2);
    }
  }
}

/* A sanitizer reports these itself, and better. */
#ifndef __SANITIZE_ADDRESS__
extern const char __executable_start[]; /* the linker's: where the image was loaded */

/* The place in the image, as its symbols have it; 0 on a machine that is not known. */
static uint32_t place_of(const ucontext_t *context) {
#if defined __x86_64__
  uintptr_t pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
  uintptr_t pc = (uintptr_t)context->uc_mcontext.pc;
#else
  uintptr_t pc = (uintptr_t)__executable_start;
  (void)context;
#endif
  return (uint32_t)(pc - (uintptr_t)__executable_start);
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
  uint64_t address = (uint64_t)(uintptr_t)info->si_addr;
  const uint32_t registers[] = {(uint32_t)signal_number, (uint32_t)(address >> 32),
                                (uint32_t)address, place_of(context)};
  hil_fault("signal; number address pc:", registers, 4);
}

static void catch_faults(void) {
  static uint8_t fault_stack[65536]; /* the other one may be what is full */
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  stack_t stack = {.ss_sp = fault_stack, .ss_size = sizeof fault_stack};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &action, NULL);
}
#endif

int main(int argc, char **argv) {
  read_options(argc, argv);
#ifndef __SANITIZE_ADDRESS__
  catch_faults();
#endif
  signal(SIGPIPE, SIG_IGN); /* a host that went is seen by write */
  hil_main();
}
