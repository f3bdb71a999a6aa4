"""The work of `hil results import`, apart: only it needs statistics and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from hil.bench.summary import summarize
from hil.cli.output import progress_console
from hil.errors import ConfigError
from hil.results.store.indexing import Imported, import_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.results.store.database import Store


def import_all(
    store: Store, files: Sequence[Path], *, rebuild: bool
) -> tuple[list[Imported], list[tuple[Imported, ConfigError]]]:
    """Index *files*; return what became of those that could be read, and the others."""
    done: list[Imported] = []
    failed: list[tuple[Imported, ConfigError]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    console = progress_console()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        total = sum(file.stat().st_size for file in files if file.exists())
        task = bar.add_task("import", total=total)
        for file in files:
            told = Imported(path=file)
            try:
                import_records(
                    store,
                    file,
                    summarize=summarize,
                    rebuild=rebuild,
                    advance=lambda size: bar.advance(task, size),
                    told=told,
                )
            except ConfigError as exc:
                failed.append((told, exc))
            else:
                done.append(told)
    return done, failed
