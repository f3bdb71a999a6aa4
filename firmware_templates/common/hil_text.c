#include "hil_text.h"

#include <stdbool.h>
#include <string.h>

#include "hil_engine.h"
#include "hil_port.h"
#include "hil_slot.h"
#include "hil_text_input.h"

#ifndef HIL_MLPERF_NAME
#define HIL_MLPERF_NAME "hil"
#endif

enum { kMostCharacters = 80, kRowBytes = 8, kDefaultWarmup = 10, kVersionAt = 1, kVersion = 1 };

static const char firmware[] = "ULPMark for tinyML Firmware V0.0.1";
static const char usage[] =
    "\r\n"
    "help         : Print this information\r\n"
    "name         : Print the name of the device\r\n"
    "timestsamp   : Generate a timetsamp\r\n"
    "db SUBCMD    : Manipulate a generic byte buffer\r\n"
    "  load N     : Allocate N bytes and set load counter\r\n"
    "  db HH[HH]* : Load 8-bit hex byte(s) until N bytes\r\n"
    "  print [N=16] [offset=0]\r\n"
    "             : Print N bytes at offset as hex\r\n"
    "infer N [W=0]: Load input, execute N inferences after W warmup loops\r\n"
    "results      : Return the result fp32 vector\r\n";

static char command[kMostCharacters + 1]; /* as far as it has come */
static uint32_t command_size;
static uint32_t unit_bytes; /* since the last zero or command */
static bool in_frame;
static bool speaks_frames;

static int32_t buffer_size;      /* as `db load` said it */
static uint32_t buffer_position; /* of the next byte */

static uint64_t clock_ticks;
static uint32_t clock_last;

void hil_text_init(void) {
  command_size = unit_bytes = buffer_position = 0;
  buffer_size = 0;
  in_frame = speaks_frames = false;
  clock_ticks = 0;
  clock_last = hil_port_ticks();
}

void hil_text_heard_frame(void) { speaks_frames = true; }

void hil_text_tick(void) {
  uint32_t now = hil_port_ticks();
  clock_ticks += now - clock_last;
  clock_last = now;
}

/* Microseconds, or ticks where these are no time. */
static uint32_t clock_us(void) {
  hil_text_tick();
  uint64_t rate = hil_port_ticks_per_second();
  if (rate == 0) return (uint32_t)clock_ticks;
  return (uint32_t)(clock_ticks / rate * 1000000u + clock_ticks % rate * 1000000u / rate);
}

static void say(const char *text) { hil_port_write((const uint8_t *)text, strlen(text)); }

static void say_number(uint32_t value) {
  char digits[11];
  char *at = digits + sizeof digits - 1;
  *at = 0;
  do {
    *--at = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  say(at);
}

static void say_signed(int32_t value) {
  if (value < 0) say("-");
  say_number(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static void say_line(const char *head, uint32_t value) {
  say(head);
  say_number(value);
  say("\r\n");
}

/* Three decimals, rounded as printf does: to even where it is just between. */
static void say_real(double value) {
  if (value < 0) say("-");
  double scaled = (value < 0 ? -value : value) * 1000;
  uint32_t whole = scaled < 4e9 ? (uint32_t)scaled : 4000000000u;
  double rest = scaled - whole;
  if (rest > 0.5 || (rest == 0.5 && whole % 2 == 1)) whole++;
  say_number(whole / 1000);
  char decimals[] = {'.', (char)('0' + whole / 100 % 10), (char)('0' + whole / 10 % 10),
                     (char)('0' + whole % 10), 0};
  say(decimals);
}

static void say_hex(uint8_t byte) {
  static const char digits[] = "0123456789abcdef";
  char pair[] = {digits[byte >> 4], digits[byte & 15], 0};
  say(pair);
}

/* The next word of the line at *rest, which is cut there; NULL where there is none. */
static char *next_word(char **rest) {
  char *word = *rest;
  while (*word == ' ') word++;
  if (*word == 0) return NULL;
  char *end = word;
  while (*end != 0 && *end != ' ') end++;
  *rest = *end == 0 ? end : end + 1;
  *end = 0;
  return word;
}

/* As C's atoi: leading digits count. */
static int32_t number_of(const char *word) {
  bool negative = *word == '-';
  if (*word == '-' || *word == '+') word++;
  uint32_t value = 0;
  for (; *word >= '0' && *word <= '9' && value < 100000000u; word++) {
    value = value * 10 + (uint32_t)(*word - '0');
  }
  return negative ? -(int32_t)value : (int32_t)value;
}

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

static void tell_name(char *rest) {
  (void)rest;
  say("m-name-dut-[" HIL_MLPERF_NAME "]\r\n");
}

static void tell_time(char *rest) {
  (void)rest;
  say_line("m-lap-us-", clock_us());
}

static void tell_profile(char *rest) {
  (void)rest;
  say("m-profile-[");
  say(firmware);
  say("]\r\nm-model-[");
  say(hil_text_model());
  say("]\r\n");
}

static void tell_help(char *rest) {
  (void)rest;
  say(firmware);
  say("\r\n");
  say(usage);
}

static void load(char *rest) {
  const char *word = next_word(&rest);
  if (word == NULL) {
    say("e-[Command 'db load' requires the # of bytes]\r\n");
    return;
  }
  buffer_size = number_of(word);
  if (buffer_size == 0) {
    say("e-[Command 'db load' must be >0 bytes]\r\n");
    return;
  }
  buffer_position = 0;
  if (buffer_size < 0 || (uint32_t)buffer_size > hil_text_input_room()) {
    say("Supplied buffer size ");
    say_signed(buffer_size);
    say(" exceeds maximum of ");
    say_number(hil_text_input_room());
    say("\n");
    return;
  }
  say("m-[Expecting ");
  say_number((uint32_t)buffer_size);
  say(" bytes]\r\n");
}

static void take_bytes(const char *digits) {
  if (strlen(digits) % 2 != 0) {
    say("e-[Insufficent number of hex digits]\r\n"); /* codespell:ignore */
    return;
  }
  for (; *digits != 0; digits += 2) {
    int high = hex_digit(digits[0]), low = hex_digit(digits[1]);
    if (high < 0 || low < 0) {
      char pair[] = {digits[0], digits[1], 0};
      say("e-[Invalid hex digit '");
      say(pair);
      say("']\r\n");
      return;
    }
    if (buffer_position < hil_text_input_room()) {
      hil_text_input_put(buffer_position, (uint8_t)(high << 4 | low));
    }
    buffer_position++;
    if (buffer_size > 0 && buffer_position == (uint32_t)buffer_size) {
      if (buffer_position == hil_text_input_bytes()) hil_text_input_finish();
      say("m-load-done\r\n");
      return;
    }
  }
}

static void print_bytes(void) {
  uint32_t size = buffer_size > 0 ? (uint32_t)buffer_size : 0;
  if (size > hil_text_input_room()) size = hil_text_input_room();
  for (uint32_t i = 0; i < size; i++) {
    say(i % kRowBytes == 0 ? "m-buffer-" : "-");
    say_hex(hil_text_input_get(i));
    if (i % kRowBytes == kRowBytes - 1 || i + 1 == size) say("\r\n");
  }
  if (size % kRowBytes != 0) say("\r\n");
}

static void handle_buffer(char *rest) {
  const char *word = next_word(&rest);
  if (word == NULL) {
    say("e-[Command 'db' requires a subcommand]\r\n");
  } else if (strcmp(word, "load") == 0) {
    load(rest);
  } else if (strcmp(word, "print") == 0) {
    print_bytes();
  } else {
    take_bytes(word);
  }
}

static void tell_results(char *rest) {
  (void)rest;
  uint32_t count = hil_text_values();
  say("m-results-[");
  for (uint32_t i = 0; i < count; i++) {
    if (i > 0) say(",");
    say_real(hil_text_value(i));
  }
  say("]\r\n");
}

/* The input is written anew before each run, as in every run of the slot. */
static bool run(int32_t times) {
  uint32_t ticks;
  for (int32_t i = 0; i < times; i++) {
    struct hil_refusal refusal = hil_slot_run(&ticks);
    if (refusal.code != HIL_FINE) {
      say("e-[");
      say(refusal.text);
      say("]\r\n");
      return false;
    }
    hil_text_tick();
  }
  return true;
}

static void infer(char *rest) {
  const char *word = next_word(&rest);
  int32_t n = word != NULL ? number_of(word) : 1;
  word = word != NULL ? next_word(&rest) : NULL;
  int32_t warmup = word != NULL ? number_of(word) : kDefaultWarmup;
  if (n <= 0) {
    say("e-[Inference iterations must be >0]\r\n");
    return;
  }
  if (warmup < 0) {
    say("e-[Inference warmup must be >=0]\r\n");
    return;
  }
  if (buffer_position != hil_text_input_bytes()) {
    say("Input db has ");
    say_number(buffer_position);
    say(" elemented, expected ");
    say_number(hil_text_input_bytes());
    say("\n");
  }
  say_line("m-warmup-start-", (uint32_t)warmup);
  if (!run(warmup)) return;
  say("m-warmup-done\r\n");
  say_line("m-infer-start-", (uint32_t)n);
  /* The first stamp is sent behind the runs: sending it takes up to 1.7 ms. */
  uint32_t began = clock_us();
  if (!run(n)) return;
  uint32_t ended = clock_us();
  say_line("m-lap-us-", began);
  say_line("m-lap-us-", ended);
  say("m-infer-done\r\n");
  tell_results(rest);
}

static const struct {
  const char *word;
  void (*answer)(char *rest);
} words[] = {
    {"name", tell_name}, {"timestamp", tell_time}, {"profile", tell_profile},
    {"help", tell_help}, {"db", handle_buffer},    {"infer", infer},
    {"results", tell_results},
};

/* The model that is linked in need not wait for a host that asks for it. */
static bool has_model(void) {
  if (hil_slot_is_loaded()) return true;
  struct hil_engine_builtin builtin = hil_engine_builtin();
  uint32_t next_offset;
  return builtin.sha256 != NULL &&
         hil_slot_begin(builtin.size, builtin.sha256, &next_offset).code == HIL_FINE &&
         hil_slot_commit().code == HIL_FINE;
}

static void work_through(char *line) {
  char *rest = line;
  const char *word = next_word(&rest);
  size_t at = 0;
  while (word != NULL && at < sizeof words / sizeof *words && strcmp(words[at].word, word) != 0) {
    at++;
  }
  bool is_known = word != NULL && at < sizeof words / sizeof *words;
  if (speaks_frames && !is_known) return;
  if (!has_model()) return; /* a firmware of MLPerf's has one */
  speaks_frames = false;
  if (is_known) {
    words[at].answer(rest);
  } else if (word != NULL) {
    say("e-[Unknown command: ");
    say(word);
    say("]\r\n");
  }
  say("m-ready\r\n");
}

static void begin(void) {
  command_size = unit_bytes = 0;
  in_frame = false;
}

void hil_text_take(uint8_t byte) {
  if (byte == 0) {
    begin();
    return;
  }
  if (unit_bytes == kVersionAt && byte == kVersion) in_frame = true;
  unit_bytes++;
  if (in_frame) {
    if (unit_bytes > HIL_MAX_FRAME_BYTES) begin(); /* too long for one */
  } else if (byte == '%') {
    command[command_size] = 0;
    begin();
    work_through(command);
  } else if (command_size < kMostCharacters) {
    command[command_size++] = (char)byte;
  }
}
