"""The messages of the protocol, one class each (docs/protocol.md, "Messages")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.wire.hello import HelloReply

if TYPE_CHECKING:
    from collections.abc import Mapping

REWIND = 0x01  # RunRequest.flags: begin again at this run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloRequest:
    """What are you?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadModelRequest:
    """Begin the transfer of a model, or resume the one that broke off."""

    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadModelReply:
    """Where the transfer goes on; the model's size where nothing is missing."""

    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRequest:
    """A piece of the model."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkReply:
    """Where the transfer goes on, whether or not the piece was the right one."""

    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRequest:
    """Check the whole model and prepare it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitReply:
    """The model is ready; what it takes, by the names of MemoryReply."""

    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteInputRequest:
    """A piece of one input tensor; it is staged until a run takes it."""

    tensor: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteInputReply:
    """Where the piece ended in the tensor."""

    staged_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeRequest:
    """Run *n* times on the staged inputs, written again before each."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeReply:
    """The ticks of each run, writing the inputs left out."""

    ticks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutputRequest:
    """Give a piece of one output tensor of the last run."""

    tensor: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutputReply:
    """The piece, as long as was asked for."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A piece of one sample: all inputs, one behind the other."""

    run_id: int
    flags: int = 0
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReply:
    """A piece of the outputs of one run, all outputs one behind the other.

    `total_bytes` is 0 where the request's piece was taken and more of the sample is
    needed.
    """

    run_id: int
    ticks: int
    offset: int
    total_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest:
    """Give the ticks of each operator from *first* on; 0 runs the model before."""

    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileReply:
    """How many operators there are, and the ticks of as many as fit the frame."""

    operators: int
    ticks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRequest:
    """Give a piece of tensor *index* of the model for the staged inputs."""

    index: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorReply:
    """The size of the whole tensor, and at most as many bytes as were asked for."""

    total_bytes: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRequest:
    """What is used at most so far?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReply:
    """The high-water marks that were measured, by the names of the result JSON."""

    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoRequest:
    """Send the data back."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoReply:
    """The same data."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BaudRequest:
    """Switch to another rate behind the reply."""

    baud: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BaudReply:
    """The rate that follows; sent at the old one."""

    baud: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRequest:
    """Forget everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetReply:
    """All is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMessage:
    """A text for people, sent by the device at any time; never an answer."""

    level: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """A request was refused; `code` is an ErrorCode where this version knows it."""

    code: int
    detail: int
    text: str = ""


Request = (
    HelloRequest
    | LoadModelRequest
    | ChunkRequest
    | CommitRequest
    | WriteInputRequest
    | InvokeRequest
    | ReadOutputRequest
    | RunRequest
    | ProfileRequest
    | TensorRequest
    | MemoryRequest
    | EchoRequest
    | BaudRequest
    | ResetRequest
)
Reply = (
    HelloReply
    | LoadModelReply
    | ChunkReply
    | CommitReply
    | WriteInputReply
    | InvokeReply
    | ReadOutputReply
    | RunReply
    | ProfileReply
    | TensorReply
    | MemoryReply
    | EchoReply
    | BaudReply
    | ResetReply
    | ErrorReply
)
Message = Request | Reply | LogMessage
