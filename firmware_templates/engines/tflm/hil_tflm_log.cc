/* DebugLog for TFLite Micro, in the place of the library's own: that one may bring in all
 * of stdio, and write to where nobody listens. */
#include "hil_tflm_log.h"

#include <cstdarg>
#include <cstddef>
#include <cstring>

namespace {

constexpr size_t kMostBytes = 160; /* of an ERROR's text (docs/protocol.md) */
char text[kMostBytes + 1];
size_t used;

void put(const char* words) {
  while (*words != 0 && used < kMostBytes) text[used++] = *words++;
}

void put_number(unsigned long value, bool is_negative) {
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = 0;
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  if (is_negative) digits[--at] = '-';
  put(digits + at);
}

void put_signed(long value) {
  const unsigned long bits = static_cast<unsigned long>(value);
  put_number(value < 0 ? 0 - bits : bits, value < 0);
}

/* One conversion: %s, and %d %i %u with or without l or z. Of others only the letter is
 * told, and nothing behind it can be read any more. */
bool put_value(const char** format, va_list* values) {
  const char* at = *format;
  const bool is_long = *at == 'l' || *at == 'z';
  if (is_long) ++at;
  *format = at + 1;
  switch (*at) {
    case 's':
      put(va_arg(*values, const char*));
      return true;
    case 'd':
    case 'i':
      put_signed(is_long ? va_arg(*values, long) : va_arg(*values, int));
      return true;
    case 'u':
      put_number(is_long ? va_arg(*values, unsigned long) : va_arg(*values, unsigned), false);
      return true;
    default:
      put("%...");
      return false;
  }
}

}  // namespace

extern "C" {

void DebugLog(const char* format, va_list args) {
  if (used > 0) return;
  va_list values;
  va_copy(values, args);
  bool is_readable = true;
  while (*format != 0 && is_readable) {
    if (*format == '%') {
      ++format;
      is_readable = put_value(&format, &values);
    } else {
      const char letter[] = {*format == '\n' ? ' ' : *format, 0};
      put(letter);
      ++format;
    }
  }
  va_end(values);
  text[used] = 0;
}

/* Kernels that make texts of their own have none here. */
int DebugVsnprintf(char* buffer, size_t size, const char*, va_list) {
  if (size > 0) buffer[0] = 0;
  return 0;
}

}  // extern "C"

namespace hil {

void log_clear() { text[used = 0] = 0; }

const char* log_text() { return text; }

bool log_tells_missing(uint32_t* missing_bytes) {
  static const char kWords[] = "missing: ";
  const char* at = strstr(text, kWords);
  if (at == nullptr) return false;
  at += sizeof kWords - 1;
  uint32_t value = 0;
  for (; *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<uint32_t>(*at - '0');
  *missing_bytes = value;
  return true;
}

}  // namespace hil
