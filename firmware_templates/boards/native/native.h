/* How the process that is the board `native` reaches its host; set before hil_main. */
#ifndef NATIVE_H_
#define NATIVE_H_

#include <stdbool.h>
#include <stdint.h>

enum native_line { NATIVE_STDIO, NATIVE_PTY, NATIVE_TCP };

struct native_options {
  enum native_line line;
  uint16_t tcp_port;        /* 0: any that is free */
  bool watch_stdin;         /* its end is an end of the board too */
  uint32_t line_limit_baud; /* a pty damages all bytes at higher rates; 0: none */
};

extern struct native_options native_options;

#endif /* NATIVE_H_ */
