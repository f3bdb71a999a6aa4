"""What the pages of hil have in common: templates, their own assets, their hashes."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hil.printable import printable


@cache
def environment() -> Environment:
    """Return the templates; what is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("hil.report"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["printable"] = printable
    return made


@cache
def asset(name: str) -> Markup:
    """Return a style sheet or script of hil's own as it is."""
    loader = environment().loader
    assert loader is not None
    source, _, _ = loader.get_source(environment(), name)
    # Our own file; nothing that was measured is in it.
    return Markup(source)  # noqa: S704


def content_hash(content: str) -> str:
    """Return the source that lets a page's policy run or apply *content* inline."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
