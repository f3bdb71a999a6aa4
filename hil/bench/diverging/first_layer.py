"""The first layer whose output differs between two sides, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hil.accuracy.divergence_found import FirstLayer
from hil.bench.diverging.cause import Example, find_cause
from hil.bench.diverging.exposed import layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from hil.bench.diverging.side import Side
    from hil.bench.diverging.subject import Subject
    from hil.models.graph import Operator, Tensor
    from hil.vocab import Deadline


def find_first_layer(
    subject: Subject,
    sides: tuple[Side, Side],
    rows: Sequence[int],
    deadline: Deadline,
) -> FirstLayer | None:
    """Return where the answers to the inputs *rows*, which differ, begin to differ.

    None where no layer does: then the answers were not those of these layers. Raises
    LayersUnknown where a side cannot tell.
    """
    found: dict[int, list[Example]] = {}
    operators = {operator.index: operator for operator, _ in layers(subject.graph)}
    for row in rows:
        begins = _first_of(subject, sides, row, deadline)
        if begins is not None:
            found.setdefault(begins[0].index, []).append(begins[1])
    if not found:
        return None
    # Of equally many the earlier one.
    index = min(found, key=lambda each: (-len(found[each]), each))
    operator, examples = operators[index], found[index]
    output = subject.main.outputs_of(operator)[0]
    steps = [_distance(example) for example in examples]
    return FirstLayer(
        operator=index,
        name=operator.name,
        tensor=output.name,
        parameters=parameters(subject, operator),
        rows=len(examples),
        examined=len(rows),
        others={each: len(found[each]) for each in sorted(found) if each != index},
        values=sum(step.size for step in steps),
        differing=sum(int(np.count_nonzero(step)) for step in steps),
        largest_lsb=None
        if output.type.startswith("float")
        else int(max(step.max() for step in steps)),
        cause=find_cause(
            subject.graph,
            operator,
            examples,
            left=sides[0].name,
            right=sides[1].name,
        ),
    )


def parameters(subject: Subject, operator: Operator) -> dict[str, str]:
    """Return what an operator is told beside its data: options, shapes and scales."""
    main = subject.main
    told = {name: str(value) for name, value in operator.options.items()}
    names = ("input", "weights", "bias")
    for position, tensor in enumerate(main.inputs_of(operator)):
        if tensor is not None:
            computed = not tensor.is_constant
            name = names[position] if position < len(names) else f"input {position}"
            if computed and position:
                name = f"input {position}"
            told[name] = _described(tensor)
    for tensor in main.outputs_of(operator):
        told["output"] = _described(tensor)
    return told


def _first_of(
    subject: Subject, sides: tuple[Side, Side], row: int, deadline: Deadline
) -> tuple[Operator, Example] | None:
    """Return the first operator that differs for one input, and its data."""
    left, right = sides
    for operator, index in layers(subject.graph):
        ours = left.layer(row, index, deadline)
        theirs = right.layer(row, index, deadline)
        if ours.tobytes() != theirs.tobytes():
            data = operator.inputs[0]
            given = (
                subject.samples[row][None]
                if data in subject.main.inputs
                else left.layer(row, data, deadline)
                if not subject.main.tensors[data].is_constant
                else ours
            )
            return operator, Example(given=given, left=ours, right=theirs)
    return None


def _distance(example: Example) -> npt.NDArray[np.float64]:
    distance: npt.NDArray[np.float64] = np.abs(
        example.left.astype(np.float64) - example.right.astype(np.float64)
    )
    return distance


def _described(tensor: Tensor) -> str:
    text = f"{list(tensor.shape)} {tensor.type}"
    quantization = tensor.quantization
    if quantization is None or not quantization.scales:
        return text
    scales, points = quantization.scales, quantization.zero_points
    if len(scales) > 1:
        return f"{text}, {len(scales)} scales {min(scales):.6g} .. {max(scales):.6g}"
    return f"{text}, scale {scales[0]:.6g}, zero point {points[0] if points else 0}"
