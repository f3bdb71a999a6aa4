"""One scale a tensor where the paired test finds no harm.

A weight with one scale saves its scales and, on small cores, their loads. It is
rounded more coarsely, so both models answer the same labelled samples, and the exact
McNemar test of the samples that only one of them gets right decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.paired import lost_and_gained, mcnemar
from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.quantization.diet import read_tree
from hil.quantization.diet_pack import pack
from hil.quantization.diet_proof import judging_engine
from hil.quantization.diet_scales import find_sites, give_one_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from hil.quantization.diet_scales import Site

HARM_AT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The paired test of a changed model against the one it was made from.

    `flips` are samples whose label changed; `lost` were right before and are wrong
    now, `gained` the other way round; `p` is the exact McNemar test's.
    """

    engine: str
    n: int
    correct_before: int
    correct_after: int
    flips: int
    lost: int
    gained: int
    p: float

    @property
    def harmful(self) -> bool:
        """Whether it lost more than it gained, and not by chance."""
        return self.lost > self.gained and self.p < HARM_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class PerTensor:
    """The requantized model; `sites` of `candidates` weights have one scale now."""

    data: bytes
    sites: tuple[Site, ...]
    candidates: int
    verdict: Verdict
    refused: Verdict | None  # of all candidates, where that did harm


def per_tensor(
    model: bytes,
    samples: npt.NDArray[np.generic],
    labels: npt.NDArray[np.int64],
    *,
    where: str,
) -> PerTensor:
    """Give as many weights one scale as the paired test finds no harm in.

    All at first; where that harms, those with the least rounding error, their number
    found by bisection. Raises ModelError where no weight has several scales.
    """
    graph = read_graph(model, where)
    sites = find_sites(graph)
    if not sites:
        raise ModelError(
            "no integer weight has a scale for each channel",
            where=where,
            found="none that could be given one scale",
            allowed="int8 weights of CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED",
            remedy="hil shrink without --per-tensor",
        )
    before, engine = _classes(model, samples)

    def tried(count: int) -> tuple[bytes, Verdict]:
        tree = read_tree(model, graph, where)
        give_one_scale(tree, sites[:count])
        data = pack(tree)
        after, _ = _classes(data, samples)
        return data, _verdict(before, after, labels, engine=engine)

    data, verdict = tried(len(sites))
    refused = verdict if verdict.harmful else None
    good, bad = (0, len(sites)) if refused else (len(sites), len(sites) + 1)
    best = (data, verdict) if refused is None else tried(0)
    while bad - good > 1:
        middle = (good + bad) // 2
        candidate = tried(middle)
        if candidate[1].harmful:
            bad = middle
        else:
            good, best = middle, candidate
    return PerTensor(
        data=best[0],
        sites=sites[:good],
        candidates=len(sites),
        verdict=best[1],
        refused=refused,
    )


def _verdict(
    before: npt.NDArray[np.int64],
    after: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    *,
    engine: str,
) -> Verdict:
    right, still = before == labels, after == labels
    lost, gained = lost_and_gained(right, still)
    return Verdict(
        engine=engine,
        n=len(labels),
        correct_before=int(right.sum()),
        correct_after=int(still.sum()),
        flips=int((before != after).sum()),
        lost=lost,
        gained=gained,
        p=mcnemar(lost, gained),
    )


def _classes(
    model: bytes, samples: Sequence[npt.NDArray[np.generic]] | npt.NDArray[np.generic]
) -> tuple[npt.NDArray[np.int64], str]:
    """Return the class that *model* gives each sample, and the engine that ran it."""
    engine = judging_engine(model)
    found = [int(np.argmax(engine.invoke([sample[None]])[0])) for sample in samples]
    return np.asarray(found, np.int64), engine.name
