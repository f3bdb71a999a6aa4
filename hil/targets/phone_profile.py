"""One extra run of a model on a phone with each operator timed, for the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.android.benchmark_command import timed_run
from hil.android.op_profile import ProfilePhase
from hil.errors import HilError, TargetError
from hil.printable import printable
from hil.targets.phone_run import read_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil import vocab
    from hil.android.benchmark_command import RunSettings
    from hil.links.phone import Phone

_RUNS = 10
_MAX_SECONDS = 30.0
_MAX_OPS = 2000
_TEXT_CHARACTERS = 200


def profiled(
    link: Phone,
    binary: str,
    graph: str,
    *,
    settings: RunSettings,
    where: str,
    deadline: vocab.Deadline,
) -> Mapping[str, object]:
    """Return the operators of the main graph in their order, or why there are none.

    Timing each operator slows the whole down, so its sum is no latency. A tool that
    cannot profile costs the profile only; a link that breaks is raised.
    """
    argv = timed_run(
        binary,
        graph,
        warmup=1,
        min_runs=_RUNS,
        min_seconds=0,
        max_seconds=min(_MAX_SECONDS, max(1.0, link.seconds_left(deadline) / 4)),
        settings=replace(settings, has_op_profile=True),
    )
    result = link.shell(argv, deadline)
    try:
        output = read_output(result, asked=None, where=where)
    except HilError as exc:
        if isinstance(exc, TargetError) and exc.transient:
            raise
        return {"problem": str(exc)}
    graph_profile = output.profile and output.profile.main(ProfilePhase.RUNS)
    if not graph_profile:
        return {"problem": "benchmark_model printed no profile of the model's graph"}
    return {
        "runs": graph_profile.total.n,
        "ops": [
            {
                "type": printable(row.type)[:_TEXT_CHARACTERS],
                "name": printable(row.name)[:_TEXT_CHARACTERS],
                "avg_ms": row.avg_ms,
                "percent": row.percent,
                "times_called": row.times_called,
            }
            for row in graph_profile.ops[:_MAX_OPS]
        ],
    }
