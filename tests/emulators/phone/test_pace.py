"""An emulated phone that works gets hot, in its own time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Host

    from hil.tools import Child

TMP = "/data/local/tmp"
ALL_WARMUP = "--warmup_runs=1 --warmup_min_secs=0"


@pytest.fixture(scope="module")
def throttling(start_phone: Callable[..., tuple[Child, int]]) -> int:
    return start_phone("emulated-phone-throttling")[1]


@pytest.fixture
def host(throttling: int, new_host: Callable[[int], Host], digits: Path) -> Host:
    """A connection to the phone that throttles, with the digits model on it."""
    host = new_host(throttling)
    host.connect()
    data = (digits / "digits.tflite").read_bytes()
    ours, theirs = host.open(f"exec:head -c {len(data)} > {TMP}/m.tflite")
    host.write(ours, theirs, data)
    assert host.read() is None
    return host


def test_a_phone_that_throttles_gets_hot_while_it_works_and_cools(host: Host) -> None:
    run = f"taskset f0 {TMP}/benchmark_model --graph={TMP}/m.tflite --num_threads=4"
    run += f" {ALL_WARMUP} --num_runs=1 --use_xnnpack=false --min_secs=100"
    # Asked while it works: a tenth of a second behind that it is cool again.
    hot = host.shell(
        f"nohup {run} >/dev/null 2>&1 & "
        "while ! dumpsys thermalservice | grep -q 'Thermal Status: 3'; do "
        "sleep 0.05; done; dumpsys thermalservice; kill -9 $!"
    ).stdout
    found = re.search(r"mValue=([0-9.]+), mType=0", hot)
    assert found is not None
    assert float(found[1]) > 38
    assert "Thermal Status: 3\n" in hot
    host.shell("sleep 2")
    assert "Thermal Status: 0\n" in host.shell("dumpsys thermalservice").stdout
