"""What a device's ERROR means to us: one exception of the tree for each code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import (
    DeviceCrashed,
    DoesNotFit,
    FirmwareFault,
    HilError,
    ModelError,
    ProtocolMismatch,
    UnsupportedOp,
)
from hil.wire.kinds import NO_DETAIL, PROTOCOL_VERSION, ErrorCode

if TYPE_CHECKING:
    from hil.wire.messages import ErrorReply


def refusal(error: ErrorReply, *, asked: str, where: str) -> HilError:
    """Return the exception for *error*, the answer to a request called *asked*.

    A model that does not fit needs the sizes and has a function of its own.
    """
    found = error.text or None
    match error.code:
        case ErrorCode.UNSUPPORTED_OP:
            index = "" if error.detail == NO_DETAIL else f", operator {error.detail}"
            return UnsupportedOp(
                f"the device cannot run the model{index}",
                where=where,
                found=found,
                remedy="a firmware with that operator, or a variant without it",
            )
        case ErrorCode.BAD_MODEL:
            return ModelError("the device rejects the model", where=where, found=found)
        case ErrorCode.PROTOCOL_VERSION:
            return ProtocolMismatch(
                "the device speaks another version of the protocol",
                where=where,
                found=f"version {error.detail}",
                allowed=f"version {PROTOCOL_VERSION}",
                remedy="flash a firmware that was built by the same version of hil",
            )
        case ErrorCode.NO_MODEL:
            return DeviceCrashed(
                f"{asked}: the device has no model",
                where=where,
                found=found,
                remedy="load a model; if one was loaded, the device has restarted",
            )
        case _:
            return _fault(error, asked=asked, where=where)


def does_not_fit(
    error: ErrorReply, *, model_bytes: int, arena_bytes: int | None, where: str
) -> DoesNotFit | None:
    """Return the exception where *error* says how many bytes are missing."""
    if error.code == ErrorCode.DOES_NOT_FIT_FLASH:
        return DoesNotFit(
            region="flash",
            needed_bytes=model_bytes,
            available_bytes=model_bytes - error.detail,
            where=where,
        )
    if error.code == ErrorCode.DOES_NOT_FIT_ARENA:
        available = arena_bytes or 0
        return DoesNotFit(
            region="arena",
            needed_bytes=available + error.detail,
            available_bytes=available,
            where=where,
        )
    return None


def _fault(error: ErrorReply, *, asked: str, where: str) -> FirmwareFault:
    try:
        name = ErrorCode(error.code).name.lower()
    except ValueError:
        name = f"error {error.code}"
    detail = "" if error.detail == NO_DETAIL else f" ({error.detail})"
    return FirmwareFault(
        f"the device answers {asked} with {name}{detail}",
        where=where,
        found=error.text or None,
    )
