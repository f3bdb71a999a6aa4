"""The numbers of the protocol: types, error codes and the like (docs/protocol.md)."""

from __future__ import annotations

import enum

from hil.vocab import TimeBasis

PROTOCOL_VERSION = 1
REPLY = 0x80  # a reply's type is the request's with this bit set
NO_DETAIL = 0xFFFFFFFF  # an error's detail where there is no number to give

TIME_BASIS_NUMBERS = {
    TimeBasis.CPU_CYCLES: 1,
    TimeBasis.DEVICE_CLOCK: 2,
    TimeBasis.HOST_CLOCK: 3,
    TimeBasis.EMULATED_INSTRUCTIONS: 4,
}


class Kind(enum.IntEnum):
    """The type of a request; its reply has REPLY set. LOG and ERROR stand alone."""

    HELLO = 0x01
    LOAD_MODEL = 0x02
    CHUNK = 0x03
    COMMIT = 0x04
    WRITE_INPUT = 0x05
    INVOKE = 0x06
    READ_OUTPUT = 0x07
    RUN = 0x08
    PROFILE = 0x09
    TENSOR = 0x0A
    MEMORY = 0x0B
    ECHO = 0x0C
    BAUD = 0x0D
    RESET = 0x0E
    LOG = 0x7E
    ERROR = 0xFF


class ErrorCode(enum.IntEnum):
    """Why a device refuses a request; what `detail` holds stands behind each."""

    MALFORMED = 1  # the request's type: its body has the wrong size or values
    UNKNOWN_REQUEST = 2  # the request's type
    PROTOCOL_VERSION = 3  # the version that the device speaks
    DOES_NOT_FIT_FLASH = 4  # missing bytes
    DOES_NOT_FIT_ARENA = 5  # missing bytes
    UNSUPPORTED_OP = 6  # index of the operator, or NO_DETAIL; its name in the text
    BAD_MODEL = 7
    WRONG_SHA256 = 8  # what arrived is not what was announced; it was dropped
    NO_MODEL = 9
    OUT_OF_ORDER = 10  # the run_id that the device expects
    NO_TRANSFER = 11  # CHUNK or COMMIT without LOAD_MODEL, or COMMIT: bytes received
    BAD_TENSOR = 12  # the number of tensors there are
    OUT_OF_RANGE = 13  # the largest value that is accepted
    NOT_SUPPORTED = 14  # the request's type
    INVOKE_FAILED = 15
    BAD_BAUD = 16  # the largest rate
    INTERNAL = 17


class LogLevel(enum.IntEnum):
    """How much a LOG message matters."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3
