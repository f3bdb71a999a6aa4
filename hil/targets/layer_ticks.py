"""One extra run of a model on a board with each operator timed, for the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hil.errors import TargetError
from hil.printable import printable
from hil.vocab import TimeBasis

if TYPE_CHECKING:
    from hil.models.graph import SubGraph
    from hil.session.session import Session
    from hil.vocab import Deadline, Evidence

_SECONDS: Final = 30.0
_TEXT_CHARACTERS: Final = 200
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
