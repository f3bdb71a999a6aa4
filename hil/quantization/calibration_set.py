"""A calibration set examined, and the better one that is proposed in its place."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.errors import ConfigError
from hil.quantization.artifact import write_file
from hil.quantization.filling import class_counts, fill, thin_classes
from hil.quantization.preprocessing import constant_samples, duplicates

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from hil.quantization.calibrators import Calibrator
    from hil.quantization.filling import Filled
    from hil.quantization.xray import Xray

_LONGEST_TEXT = 200  # of `preprocessing` in a dataset


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proposal:
    """What to calibrate with: `dropped` are indices of the given set.

    `counts` are the samples of each class that are kept, empty where there are no
    labels; `filled` are samples to be added, None unless they were asked for.
    """

    xray: Xray
    dropped: tuple[int, ...]
    constant: tuple[int, ...]
    repeated: tuple[tuple[int, int], ...]
    counts: dict[int, int]
    thin: tuple[int, ...]
    filled: Filled | None

    @property
    def kept(self) -> int:
        """How many of the given samples stay."""
        return self.xray.samples - len(self.dropped)


def propose(
    xray: Xray,
    x: npt.NDArray[np.generic],
    y: npt.NDArray[np.int64] | None,
    *,
    where: str,
    classes: int = 0,
    filling: bool = False,
    flips: bool = False,
) -> Proposal:
    """Return what to do with the samples *x* [n, ...] that *xray* was made of.

    *classes* is the number that the model tells apart. Raises ConfigError where the
    samples are of two kinds, or where *filling* cannot be done.
    """
    dropped = tuple(sorted(influence.sample for influence in xray.outliers))
    if xray.split is not None:
        raise ConfigError(
            "the calibration data are of two kinds",
            where=where,
            found=f"{xray.split} of {len(x)} samples differ in scale from the others",
            allowed="samples that had one and the same preprocessing",
            remedy="find out which samples were prepared otherwise, or are silent",
        )
    kept = np.delete(np.arange(len(x)), list(dropped))
    counts: dict[int, int] = {}
    if y is not None:
        counts = class_counts(y[kept], classes=max(classes, int(y.max()) + 1))
    filled = None
    if filling:
        if y is None:
            raise ConfigError(
                "classes cannot be filled without labels",
                where=where,
                found="no y",
                allowed="x and y",
            )
        filled = fill(x[kept], y[kept], counts=counts, flips=flips, where=where)
    return Proposal(
        xray=xray,
        dropped=dropped,
        constant=tuple(constant_samples(x)),
        repeated=tuple(duplicates(x)),
        counts=counts,
        thin=tuple(thin_classes(counts)) if counts else (),
        filled=filled,
    )


def write_set(
    proposal: Proposal,
    path: Path,
    *,
    x: npt.NDArray[np.generic],
    y: npt.NDArray[np.generic] | None,
    preprocessing: str,
) -> None:
    """Write the proposed set as an .npz that every verb takes.

    `x`, `y` and `preprocessing` are as given; `source` is each sample's index in the
    given set, `synthetic` says which were made, `dropped` which were left out.
    """
    kept = np.delete(np.arange(len(x)), list(proposal.dropped))
    samples, source = x[kept], kept
    labels = None if y is None else y[kept]
    synthetic = np.zeros(len(kept), np.bool_)
    filled = proposal.filled
    if filled is not None and labels is not None:
        samples = np.concatenate([samples, filled.x])
        labels = np.concatenate([labels, filled.y])
        source = np.concatenate([kept, kept[filled.sources]])
        synthetic = np.concatenate([synthetic, np.ones(len(filled.y), np.bool_)])
    arrays = {
        "x": samples,
        "preprocessing": np.array(preprocessing[:_LONGEST_TEXT]),
        "source": source,
        "synthetic": synthetic,
        "dropped": np.array(proposal.dropped, np.int64),
    }
    if labels is not None:
        arrays["y"] = labels
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    write_file(path, stream.getvalue(), what="calibration set")


def verdict(proposal: Proposal) -> list[str]:
    """Return what to do, one thing a line, the most important first."""
    lines = [*_drops(proposal), _size(proposal), *_classes(proposal)]
    if proposal.constant:
        lines.append(
            f"look at {_listed('sample', proposal.constant)}: every value of it is the "
            "same (silence, or a black picture?)"
        )
    if proposal.repeated:
        lines.append(
            f"{len(proposal.repeated)} samples are copies of others, such as "
            f"{proposal.repeated[0][1]} of {proposal.repeated[0][0]}"
        )
    order = proposal.xray.order
    lines.append(
        "order: hil's true minima and maxima do not depend on it; AI Edge Quantizer's "
        f"moving average would keep {order.least:.0%} to {order.most:.0%} of a range, "
        "by the order alone"
    )
    return lines


def _drops(proposal: Proposal) -> list[str]:
    total = len(proposal.xray.tensors)
    lines = []
    for influence in proposal.xray.outliers:
        if influence.sets and len(proposal.dropped) == 1:
            lines.append(
                f"drop sample {influence.sample}: it alone sets {influence.sets} of "
                f"{total} ranges, up to {influence.widest:.1f} times wider"
            )
        else:
            lines.append(
                f"drop sample {influence.sample}: its ranges are up to "
                f"{influence.most:.1f} times as wide as those of the bulk"
            )
    if lines:
        return lines
    strongest = proposal.xray.influences[0]
    lines.append(
        "nothing to drop: no sample is unlike the others (the strongest, sample "
        f"{strongest.sample}, widens a range {strongest.most:.1f} times)"
    )
    return lines


def _size(proposal: Proposal) -> str:
    xray = proposal.xray
    if xray.enough is not None:
        return (
            f"enough samples: {xray.enough} of the {proposal.kept} kept give 95 % of "
            "the ranges already"
        )
    half = [s for n, s in xray.coverage.items() if n <= proposal.kept / 2]
    known = f": half of them give {half[-1]:.0%} of the ranges" if half else ""
    return f"more samples would still widen the ranges{known} ({proposal.kept} kept)"


def _classes(proposal: Proposal) -> list[str]:
    if not proposal.thin:
        return []
    median = int(np.median(list(proposal.counts.values())))
    shares = ", ".join(f"{c} ({proposal.counts[c]})" for c in proposal.thin)
    if proposal.filled is not None:
        made = len(proposal.filled.y)
        return [f"filled by augmentation: {made} synthetic samples for class {shares}"]
    return [f"thin classes: {shares}; the median class has {median} samples"]


def _listed(noun: str, indices: tuple[int, ...]) -> str:
    shown = ", ".join(str(index) for index in indices[:5])
    more = f" and {len(indices) - 5} more" if len(indices) > 5 else ""  # noqa: PLR2004 (fits a line)
    return f"{noun}{'s' if len(indices) > 1 else ''} {shown}{more}"


def to_json(
    proposal: Proposal,
    *,
    ranges: dict[str, tuple[float, float]],
    calibrator: Calibrator,
) -> dict[str, object]:
    """Return the whole X-ray as one JSON document."""
    xray = proposal.xray
    filled = proposal.filled
    return {
        "verdict": verdict(proposal),
        "samples": xray.samples,
        "dropped": list(proposal.dropped),
        "constant": list(proposal.constant),
        "repeated": [list(pair) for pair in proposal.repeated],
        "classes": {str(label): count for label, count in proposal.counts.items()},
        "thin_classes": list(proposal.thin),
        "synthetic": len(filled.y) if filled is not None else 0,
        "enough": xray.enough,
        "coverage": {str(n): share for n, share in xray.coverage.items()},
        "order": {
            "tensor": xray.order.tensor,
            "least": xray.order.least,
            "most": xray.order.most,
        },
        "calibrator": calibrator.name,
        "tensors": [
            {
                "name": tensor.name,
                "low": tensor.low,
                "high": tensor.high,
                "low_sample": tensor.low_sample,
                "high_sample": tensor.high_sample,
                "without": list(tensor.without),
                "factor": tensor.factor,
                "spread": list(tensor.spread),
                "moving_average": list(tensor.average),
                "calibrated": list(ranges[tensor.name]),
            }
            for tensor in xray.tensors
        ],
        "influences": [
            {
                "sample": influence.sample,
                "sets": influence.sets,
                "widest": influence.widest,
                "median": influence.median,
                "most": influence.most,
                "outlier": influence.is_outlier,
            }
            for influence in xray.influences
        ],
    }
