"""Operators that become one call of one kernel, which most do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.codegen.compiled.program import Call, Step

if TYPE_CHECKING:
    from hil.codegen.compiled.program import Value
    from hil.codegen.compiled.site import Site


def single_call(
    site: Site,
    kernel: str,
    fields: dict[str, Value],
    *,
    parameters: str | None = None,
    inputs: int = 1,
) -> Step:
    """Return the call of *kernel* on the first *inputs* of the operator.

    Its parameters are the C struct *parameters*, named as the kernel unless told.
    """
    call = Call(
        kernel=kernel,
        parameters=parameters or kernel,
        fields=fields,
        inputs=tuple(site.input(position).index for position in range(inputs)),
        output=site.output.index,
    )
    return Step(calls=(call,))
