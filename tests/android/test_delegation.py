from __future__ import annotations

import pytest

from hil.android.delegation import Delegation, fallback, verdict, verdicts

FULL_GPU = (
    "Explicitly applied GPU delegate, and the model graph will be completely executed "
    "by the delegate."
)
REPLACED = (
    "Replacing 40 out of 58 node(s) with delegate (TfLiteGpuDelegateV2) node, "
    "yielding 3 partitions for subgraph 0."
)
XNNPACK = (
    "Replacing 2 out of 58 node(s) with delegate (TfLiteXNNPackDelegate) node, "
    "yielding 3 partitions for subgraph 0."
)


@pytest.mark.parametrize(
    ("line", "extent", "name", "nodes"),
    [
        (FULL_GPU, Delegation.FULL, "GPU", (None, None)),
        (REPLACED, Delegation.PARTIAL, "TfLiteGpuDelegateV2", (40, 58)),
        (
            (
                "Replacing 5 node(s) with delegate (TfLiteNnapiDelegate) node, "
                "yielding 1 partitions."
            ),
            Delegation.FULL,
            "TfLiteNnapiDelegate",
            (5, 5),
        ),
        (
            (
                "Replacing 5 node(s) with delegate (TfLiteNnapiDelegate) node, "
                "yielding 3 partitions."
            ),
            Delegation.PARTIAL,
            "TfLiteNnapiDelegate",
            (5, None),
        ),
        (
            "CoreML delegate: 3 nodes delegated out of 9 nodes, with 2 partitions.",
            Delegation.PARTIAL,
            "CoreML",
            (3, 9),
        ),
        (
            "First 4 operations will run on the GPU, and the remaining 6 on the CPU.",
            Delegation.PARTIAL,
            "GPU",
            (4, 10),
        ),
        (
            (
                "No operations will run on the GPU, and all 6 operations will run on "
                "the CPU."
            ),
            Delegation.NONE,
            "GPU",
            (0, 6),
        ),
        (
            "GPU acceleration is unsupported on this platform.",
            Delegation.NONE,
            "GPU",
            (None, None),
        ),
        (
            "Failed to apply XNNPACK delegate.",
            Delegation.NONE,
            "XNNPACK",
            (None, None),
        ),
    ],
)
def test_a_line_tells_how_much_went_to_a_delegate(
    line: str, extent: Delegation, name: str, nodes: tuple[int | None, int | None]
) -> None:
    told = verdict(line)
    assert told is not None
    assert (told.extent, told.name) == (extent, name)
    assert (told.taken, told.total) == nodes


def test_other_lines_tell_nothing() -> None:
    assert verdicts(["Created TensorFlow Lite delegate for GPU.", "count=1"]) == ()


@pytest.mark.parametrize(
    ("lines", "asked", "what", "found"),
    [
        ([], "GPU", "was not applied", "no line of the output says"),
        ([XNNPACK], "GPU", "was not applied", "no line of the output says"),
        ([REPLACED], "GPU", "only a part", "18 of 58 nodes fell back to the CPU ("),
        ([REPLACED] * 2, "GPU", "only a part", "18 of 58 nodes fell back"),
        (
            [
                (
                    "Though NNAPI delegate is explicitly applied, the model graph will "
                    "not be executed by the delegate."
                ),
            ],
            "NNAPI",
            "was not applied",
            "all nodes fell back to the CPU (Though",
        ),
        (
            [
                (
                    "Explicitly applied EXTERNAL delegate, and the model graph will be "
                    "partially executed by the delegate w/ 3 delegate kernels."
                ),
            ],
            "EXTERNAL",
            "only a part",
            "an unknown number of nodes fell back",
        ),
    ],
)
def test_a_delegate_that_was_not_fully_applied_is_an_error(
    lines: list[str], asked: str, what: str, found: str
) -> None:
    error = fallback(verdicts(lines), asked, where="m.tflite")
    assert error is not None
    assert error.what.startswith(f"the {asked} delegate")
    assert what in error.what
    assert error.where == "m.tflite"
    assert error.found is not None
    assert error.found.startswith(found)


def test_a_delegate_that_took_all_and_another_that_took_a_rest_are_no_error() -> None:
    assert fallback(verdicts([FULL_GPU, XNNPACK]), "GPU", where="m") is None
