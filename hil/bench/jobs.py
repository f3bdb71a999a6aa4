"""A plan's jobs and the order in which they run; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.vocab import Job, Setting, TargetKind, TimeBasis, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.bench.plan import Measure
    from hil.bench.variants import Variant
    from hil.vocab import DeviceProfile


PHONES = frozenset({TargetKind.PHONE, TargetKind.EMULATED_PHONE})


def plan_jobs(
    variants: Sequence[Variant],
    devices: Sequence[DeviceProfile],
    measure: Measure,
    *,
    settings: Sequence[Setting] = (Setting(),),
) -> Iterator[tuple[Variant, Job]]:
    """Yield the jobs of the devices of one lane, in the order in which they run.

    Interleaved (A B A B) a slow drift of the machine falls on all variants alike;
    sequential (A A B B) saves the loading of models. The first window of each variant
    also streams the samples. Phones run each variant in each of *settings*.
    """
    windows = range(measure.windows)
    rows = [
        (variant, device, setting)
        for variant in variants
        for device in devices
        for setting in (settings if device.kind in PHONES else (None,))
    ]
    if measure.order == "interleaved":
        order = [(w, *row) for w in windows for row in rows]
    else:
        order = [(w, *row) for row in rows for w in windows]
    for window, variant, device, setting in order:
        yield variant, _job(window, variant, device, measure, setting=setting)


def lanes(devices: Sequence[DeviceProfile]) -> list[list[DeviceProfile]]:
    """Return the devices in groups; each group runs one job at a time."""
    on_this_host = [d for d in devices if d.time_basis is TimeBasis.HOST_CLOCK]
    others = [[d] for d in devices if d.time_basis is not TimeBasis.HOST_CLOCK]
    return [on_this_host, *others] if on_this_host else others


def _job(
    window: int,
    variant: Variant,
    device: DeviceProfile,
    measure: Measure,
    *,
    setting: Setting | None,
) -> Job:
    model = variant.artifact
    return Job(
        id=f"{model.name}.{model.variant}.{place(device.name, setting)}.{window}",
        model=model,
        device=device,
        window=window,
        warmup=measure.warmup,
        min_runs=measure.min_runs,
        min_seconds=measure.min_seconds,
        probe=variant.probe,
        samples=variant.samples if window == 0 else None,
        setting=setting,
    )
