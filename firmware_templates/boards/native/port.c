/* The port to a POSIX process: pipes, a pty or a TCP socket instead of a UART. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "hil_build.h"
#include "hil_port.h"
#include "hil_port_optional.h"
#include "native.h"

#ifndef HIL_START_BAUD
#define HIL_START_BAUD 115200
#endif

enum { kNone = -1, kIdleMs = 10, kMostAtOnce = 4096, kMaxBaud = 3000000, kBrokenStatus = 71 };

static int in_fd = STDIN_FILENO, out_fd = STDOUT_FILENO;
static int listener = kNone; /* of --tcp */
static int host_end = kNone; /* of --pty; kept open, so that hosts may come and go */
static bool has_ended;       /* nothing more will come */
static uint32_t baud;        /* 0: the line has no rate */

/* Bytes that came; the ring is full when in - out is its size. */
static uint8_t ring[HIL_RX_BUFFER_BYTES];
static size_t ring_in, ring_out;

static _Noreturn void broken(const char *what) {
  fprintf(stderr, "hil.elf: %s: %s\n", what, strerror(errno));
  _exit(kBrokenStatus);
}

static void announce(const char *where) {
  printf("%s\n", where);
  fflush(stdout);
}

static void open_pty(void) {
  in_fd = out_fd = posix_openpt(O_RDWR | O_NOCTTY);
  if (in_fd < 0 || grantpt(in_fd) != 0 || unlockpt(in_fd) != 0) broken("no pty");
  const char *path = ptsname(in_fd);
  if (path == NULL) broken("no pty");
  host_end = open(path, O_RDWR | O_NOCTTY);
  struct termios settings;
  if (host_end < 0 || tcgetattr(host_end, &settings) != 0) broken(path);
  cfmakeraw(&settings);
  if (tcsetattr(host_end, TCSANOW, &settings) != 0) broken(path);
  baud = HIL_START_BAUD;
  announce(path);
}

static void open_tcp(void) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(native_options.tcp_port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int yes = 1;
  listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0) broken("no socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
    broken("cannot listen");
  }
  in_fd = out_fd = kNone;
  char where[40];
  snprintf(where, sizeof where, "socket://127.0.0.1:%u", ntohs(address.sin_port));
  announce(where);
}

void hil_port_init(void) {
  if (native_options.line == NATIVE_PTY) open_pty();
  if (native_options.line == NATIVE_TCP) open_tcp();
  /* Nothing may block in write while the host blocks in its own. */
  if (native_options.line == NATIVE_PTY) fcntl(out_fd, F_SETFL, O_NONBLOCK);
}

static void accept_host(void) {
  int yes = 1;
  in_fd = out_fd = accept(listener, NULL, NULL);
  if (in_fd < 0) return;
  fcntl(in_fd, F_SETFL, O_NONBLOCK);
  setsockopt(in_fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/* The host is gone: a socket waits for the next one, all else has ended. */
static void lose_host(void) {
  if (listener == kNone) {
    has_ended = true;
    return;
  }
  close(in_fd);
  in_fd = out_fd = kNone;
}

static uint32_t rate_of(speed_t speed) {
  static const struct {
    speed_t speed;
    uint32_t baud;
  } rates[] = {
      {B9600, 9600},       {B19200, 19200},     {B38400, 38400},     {B57600, 57600},
      {B115200, 115200},   {B230400, 230400},   {B460800, 460800},   {B500000, 500000},
      {B921600, 921600},   {B1000000, 1000000}, {B1500000, 1500000}, {B2000000, 2000000},
      {B2500000, 2500000}, {B3000000, 3000000},
  };
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    if (rates[i].speed == speed) return rates[i].baud;
  }
  return 0;
}

/* As on a wire: bytes between two ends of different rates, or at a rate too high for the
 * line, arrive as something else. */
static bool line_damages(void) {
  struct termios settings;
  if (baud == 0) return false;
  if (native_options.line_limit_baud != 0 && baud > native_options.line_limit_baud) return true;
  return tcgetattr(host_end, &settings) == 0 && rate_of(cfgetospeed(&settings)) != baud;
}

/* Puts into the ring what is there and fits. */
static void receive(void) {
  size_t at = ring_in % sizeof ring, room = sizeof ring - (ring_in - ring_out);
  if (room > sizeof ring - at) room = sizeof ring - at;
  if (room == 0 || in_fd == kNone || has_ended) return;
  ssize_t size = read(in_fd, ring + at, room);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    lose_host();
    return;
  }
  if (line_damages()) {
    for (ssize_t i = 0; i < size; i++) ring[at + (size_t)i] ^= 0xA5;
  }
  ring_in += (size_t)size;
}

/* Waits until something can be read or, where that is wished, written; receives. True
 * where something can be written. */
static bool wait_for_line(bool wishes_to_write, int timeout_ms) {
  bool has_room = ring_in - ring_out < sizeof ring && !has_ended;
  struct pollfd fds[] = {
      {.fd = has_room ? in_fd : kNone, .events = POLLIN},
      {.fd = wishes_to_write ? out_fd : kNone, .events = POLLOUT},
      {.fd = in_fd == kNone ? listener : kNone, .events = POLLIN},
      {.fd = native_options.watch_stdin ? STDIN_FILENO : kNone, .events = POLLIN},
  };
  if (poll(fds, 4, timeout_ms) < 0) return false;
  if (fds[2].revents != 0) accept_host();
  if (fds[3].revents != 0 && in_fd != STDIN_FILENO) {
    char ignored[64];
    if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0) hil_port_exit(0);
  }
  if (fds[0].revents != 0) receive();
  return fds[1].revents != 0;
}

int hil_port_read(void) {
  if (ring_in == ring_out) wait_for_line(false, 0);
  if (ring_in != ring_out) return ring[ring_out++ % sizeof ring];
  if (has_ended) hil_port_exit(0);
  return -1;
}

void hil_port_idle(void) {
  if (!has_ended) wait_for_line(false, kIdleMs);
}

static void send_some(const uint8_t **data, size_t *size) {
  size_t piece = *size < kMostAtOnce ? *size : kMostAtOnce;
  ssize_t written = write(out_fd, *data, piece);
  if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (written < 0) {
    lose_host();
    *size = 0;
    return;
  }
  *data += written;
  *size -= (size_t)written;
}

void hil_port_write(const uint8_t *data, size_t size) {
  uint8_t damaged[kMostAtOnce];
  bool is_damaged = line_damages();
  while (size > 0 && out_fd != kNone) {
    /* A pipe that poll calls writable takes kMostAtOnce bytes without blocking. */
    if (!wait_for_line(true, -1)) continue;
    if (is_damaged) {
      size_t piece = size < sizeof damaged ? size : sizeof damaged;
      for (size_t i = 0; i < piece; i++) damaged[i] = data[i] ^ 0xA5;
      const uint8_t *from = damaged;
      size_t left = piece;
      send_some(&from, &left);
      data += piece - left;
      size -= piece - left;
    } else {
      send_some(&data, &size);
    }
  }
}

/* Nanoseconds: wraps after 4.3 s, which no run that is timed may take. */
uint32_t hil_port_ticks(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

uint32_t hil_port_ticks_per_second(void) { return 1000000000; }

enum hil_time_basis hil_port_time_basis(void) { return HIL_TICKS_HOST_CLOCK; }

uint32_t hil_port_baud(void) { return baud; }

uint32_t hil_port_max_baud(void) { return baud == 0 ? 0 : kMaxBaud; }

bool hil_port_set_baud(uint32_t new_baud) {
  baud = new_baud;
  return true;
}

/* Not exit: it may be a signal's handler that ends. */
void hil_port_exit(int status) { _exit(status); }
