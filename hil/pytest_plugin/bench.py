"""The fixture hil_bench: one call, one model on one device, its results."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import pytest

from hil.bench.judge import Judge
from hil.bench.plan import AS_IS, parse_plan, plan_document, to_toml
from hil.bench.preparation import prepare
from hil.bench.runner import Runner
from hil.bench.summary import summarize
from hil.cli.tapes import Tapes
from hil.cli.targets import make_target
from hil.errors import ConfigError
from hil.printable import printable
from hil.pytest_plugin.record_folder import Request, SharedRunFolder
from hil.report.properties import properties
from hil.results.run_folder import load_records, records_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hil.bench.plan import Plan
    from hil.vocab import DeviceProfile, Result, RunRecord, RunStatus

_NAME: Final = "pytest"


class Bench:
    """Measures models on one device, for one test."""

    def __init__(
        self,
        device: DeviceProfile,
        *,
        run_folder: Path,
        record_property: Callable[[str, object], None],
        test: str,
        root: Path,
        guard: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Take the device, where records go, and what is known of the test."""
        self._device = device
        self._run_folder = run_folder
        self._record_property = record_property
        self._test = test
        self._root = root
        self._guard = guard

    def __call__(
        self,
        model: Path | str,
        *,
        variants: Sequence[str] = (AS_IS,),
        dataset: Path | str | None = None,
        calibration: Path | str | None = None,
        pixels: str | None = None,
        metric: str | None = None,
        accept: Sequence[str] = (),
        **measure: float | str,
    ) -> list[Result]:
        """Return a result for each of *variants*, measured now or earlier in this run.

        Paths are relative to pytest's root; `example:digits.tflite` comes with hil.
        *measure* are the keys of a plan's table [measure]. The test fails where an
        argument is wrong, or a status is neither ok nor in *accept*.
        """
        __tracebackhide__ = True
        document = plan_document(
            name=_NAME,
            model=str(model),
            dataset=_text(dataset),
            calibration=_text(calibration),
            pixels=pixels,
            variants=variants,
            devices=[str(self._device.source)],
            measure=measure,
            accept=accept,
            metric=metric,
        )
        with self._guard():
            plan = parse_plan(document, where=self._test, folder=self._root)
            # What a test accepts changes nothing of what is measured.
            results = self._results(plan, to_toml({**document, "gate": {}}))
        for result in results:
            row = f"{result.model} {result.variant} on {result.place}"
            for name, value in properties(result, result.accuracy):
                self._record_property(printable(f"{row}: {name}"), printable(value))
        _require_accepted(results, plan.accepted)
        return results

    def _results(self, plan: Plan, text: str) -> list[Result]:
        """Measure what the run does not have yet, and sum its records up.

        The test holds the device, so no other asks for the same row meanwhile.
        """
        folder = SharedRunFolder(self._run_folder)
        (planned,) = plan.models
        request = Request(
            digest=_digest(plan, text),
            test=self._test,
            device=self._device.name,
            model=planned.path.stem,
            variants=planned.variants,
            plan=text,
        )
        known = folder.requests()
        if all(one.digest != request.digest for one in known):
            _require_new_rows(request, known)
            _require_no_part(request, folder)
            _measure(plan, folder)
            folder.add_request(request)
        return summarize(_own_records(request, folder))


def _measure(plan: Plan, folder: SharedRunFolder) -> None:
    """Run the plan's jobs as `hil bench` does."""
    ready = prepare(plan, folder)
    judge = Judge(keep=folder.append_scores, targets=ready.targets)
    tapes = Tapes()
    Runner(
        folder=folder,
        judge=judge,
        make_target=lambda profile: make_target(profile, folder, tapes),
        measure=plan.measure,
    ).run(ready.variants, plan.devices)


def _require_new_rows(request: Request, known: Sequence[Request]) -> None:
    for earlier in known:
        if request.shares_a_row_with(earlier):
            raise ConfigError(
                "this run has the row already, measured otherwise",
                where=f"{request.model} {', '.join(request.variants)} "
                f"on {request.device}",
                found=f"measured first by {printable(earlier.test)}",
                remedy="the same model, data and settings in both (it is then measured "
                "once, for both), or a file of another name",
            )


def _require_no_part(request: Request, folder: SharedRunFolder) -> None:
    """Raise ConfigError where a request that never ended has left windows of its row.

    A worker that was killed, or a test that ran out of time, leaves them; pooled with
    those of another measurement they would be figures of neither.
    """
    left = len(_own_records(request, folder))
    if left:
        raise ConfigError(
            "this run has a part of the row, and its measurement was cut off",
            where=f"{request.model} {', '.join(request.variants)} on {request.device}",
            found=f"{left} window{'' if left == 1 else 's'} of a test that did not end",
            remedy="run the tests again: a new session measures it as a whole",
        )


def _own_records(request: Request, folder: SharedRunFolder) -> list[RunRecord]:
    """Return what the run holds of the rows that are asked for."""
    # The first measurement of a run makes the file.
    if not records_file(folder.path).exists():
        return []
    records, _ = load_records(folder.path)
    return [
        record
        for record in records
        if (record.device, record.model) == (request.device, request.model)
        and record.variant in request.variants
    ]


def _require_accepted(results: Sequence[Result], accepted: Sequence[RunStatus]) -> None:
    __tracebackhide__ = True
    failed = [result for result in results if result.status not in accepted]
    if failed:
        told = "\n".join(
            f"{r.model} {r.variant} on {r.place}: {r.status.value}\n{r.problem}"
            for r in failed
        )
        names = ", ".join(repr(r.status.value) for r in failed)
        remedy = f"where that is what this test expects: accept=[{names}]"
        pytest.fail(printable(f"{told}\n{remedy}", keep_lines=True), pytrace=False)


def _digest(plan: Plan, text: str) -> str:
    """Return a sha256 over the plan and the content of its files."""
    (planned,) = plan.models
    paths = (planned.path, planned.dataset, planned.calibration)
    parts = []
    for path in filter(None, paths):
        # A file is the same wherever it lies; a folder of images is known by its path.
        if path.is_file():
            text = text.replace(str(path), path.name)
            parts.append(hashlib.sha256(path.read_bytes()).hexdigest())
    parts.append(text)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _text(path: Path | str | None) -> str | None:
    return None if path is None else str(path)
