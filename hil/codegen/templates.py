"""The templates of generated sources: where they are and how they are filled in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hil.codegen.identifier import comment

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped_templates() -> Path:
    """Return the folder of the firmware templates that come with hil."""
    inside = _PACKAGE / "firmware_templates"  # in the wheel
    return inside if inside.is_dir() else _PACKAGE.parent / "firmware_templates"


def render(engine: str, template: str, **values: object) -> str:
    """Return the template of that name and engine ("tflm", "compiled"), filled in."""
    return _environment(engine).get_template(template).render(**values)


@cache
def _environment(engine: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped_templates() / "engines" / engine),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (C source, not HTML; comments are escaped)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["comment"] = comment
    return environment
