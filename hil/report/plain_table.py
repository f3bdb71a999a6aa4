"""Tables without lines, of which no terminal is too narrow to show the whole."""

from __future__ import annotations

from typing import Any

from rich.table import Table


class PlainTable(Table):
    """A rich table whose cells fold where there is no room; rich's own are cut."""

    def __init__(self, *headers: str, **options: Any) -> None:  # noqa: ANN401
        """Take the headers of its columns and what rich's table takes."""
        super().__init__(*headers, box=None, pad_edge=False, **options)

    def add_column(self, *header: Any, **options: Any) -> None:  # noqa: ANN401
        """Add a column; *options* are those of rich's table."""
        super().add_column(*header, **{"overflow": "fold", **options})
