"""One extra run of a model on a board with each operator timed, for the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from hil.errors import BrokenSetup, TargetError
from hil.printable import printable
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from hil.models.graph import SubGraph
    from hil.session.session import Session
    from hil.vocab import Deadline, Evidence, Timing

_SECONDS: Final = 30.0
_TEXT_CHARACTERS: Final = 200
# Less than a round of any emulated timer, more than it costs to time the operators.
_LOST_INSTRUCTIONS: Final = 1 << 26
_UNITS: Final = {
    TimeBasis.CPU_CYCLES: "cycles",
    TimeBasis.EMULATED_INSTRUCTIONS: "insn",
}


def layer_ticks(session: Session, graph: SubGraph, deadline: Deadline) -> Evidence:
    """Return the operators in their order with the time of each, or why there is none.

    The staged inputs are used. Comes last in a job: what was measured before is kept,
    whatever the device does now. Timing each operator costs a little, so the sum is no
    latency. Times are in `cycles` or `insn` where the ticks are that, else in `us`.
    """
    try:
        ticks = session.profile(deadline.sooner(_SECONDS))
    except TargetError as exc:
        return {"problem": str(exc)}
    operators = graph.operators
    if len(ticks) != len(operators):
        told = f"the device has {len(ticks)} operators, the model {len(operators)}"
        return {"problem": told}
    device = session.device
    unit = _UNITS.get(device.time_basis) if device.time_basis else None
    if unit is None and not device.tick_hz:
        return {"problem": "the device does not say how long a tick is"}
    us = 1e6 / (device.tick_hz or 1)
    ops = []
    for operator, count in zip(operators, ticks, strict=True):
        output = graph.tensors[operator.outputs[0]].name if operator.outputs else ""
        ops.append(
            {
                "type": printable(operator.name)[:_TEXT_CHARACTERS],
                "name": printable(output)[:_TEXT_CHARACTERS],
                unit or "us": count if unit else round(count * us, 4),
            }
        )
    return {"ops": ops}


def check_instructions(timing: Timing, profile: Evidence, *, where: str) -> None:
    """Raise BrokenSetup where the operators took far more instructions than a run.

    Then the emulated timer went round within the run. No clock can tell: emulated
    instructions take no time.
    """
    ops = cast("list[dict[str, int]]", profile.get("ops", []))
    operators = sum(op.get("insn", 0) for op in ops)
    most = max(timing.invoke_ticks)
    if operators - most < _LOST_INSTRUCTIONS:
        return
    raise BrokenSetup(
        "a run takes more instructions than the board's timer can count",
        where=where,
        found=f"{most:,} in a run, {operators:,} in its operators",
        allowed="less than a round of the timer (docs/qemu.md, Limits)",
        remedy="a smaller model, or qemu-riscv32-virt, which counts furthest",
    )
