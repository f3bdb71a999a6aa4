"""A serial line between a pty and a device that is a process: 10 bit times a byte.

    python paced_line.py BAUD RX_BUFFER_BYTES DEVICE [ARGUMENT ...]

Prints the path of the pty and ends at the end of its standard input. What the device's
receive buffer cannot take is lost, as on a board.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
import tty

from hil.emulators.uart import Uart

_READ_BYTES = 65536
_STDIN = 0


def main() -> None:
    """Carry bytes until standard input ends."""
    baud, buffer_bytes = int(sys.argv[1]), int(sys.argv[2])
    line, host_end = os.openpty()
    tty.setraw(host_end)
    device = subprocess.Popen(
        sys.argv[3:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    print(os.ttyname(host_end), flush=True)
    assert device.stdin is not None
    assert device.stdout is not None
    try:
        to_device, from_device = device.stdin.fileno(), device.stdout.fileno()
        _carry(baud, buffer_bytes, line, to_device, from_device)
    finally:
        device.kill()
        device.wait()


def _carry(
    baud: int, buffer_bytes: int, line: int, to_device: int, from_device: int
) -> None:
    # The driver of the host's end takes in what it is given, whatever the rate.
    uart = Uart(baud, rx_buffer_bytes=sys.maxsize)
    while True:
        now = time.monotonic()
        if arrived := uart.received(now):
            room = buffer_bytes - _waiting(to_device)
            os.write(to_device, arrived[: max(0, room)])
        if said := uart.sent(now):
            os.write(line, said)
        due = uart.next_event
        seconds = None if due is None else max(0.0, due - time.monotonic())
        ready, _, _ = select.select([line, from_device, _STDIN], [], [], seconds)
        if _STDIN in ready and not os.read(_STDIN, _READ_BYTES):
            return
        now = time.monotonic()
        if line in ready:
            uart.arrive(os.read(line, _READ_BYTES), since=now, now=now)
        if from_device in ready:
            uart.send(os.read(from_device, _READ_BYTES), now)


def _waiting(pipe: int) -> int:
    """Return the bytes that the device has not taken yet."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", answer)[0])


if __name__ == "__main__":
    main()
