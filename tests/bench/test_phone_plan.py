"""The plan's table [phone]: settings, conditions, and what is refused with its text."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.bench.phone_plan import phone_options, require_distinct_phones
from hil.bench.plan import Plan, parse_plan
from hil.errors import ConfigError
from hil.profiles import find_profile
from hil.targets.phone_conditions import PhoneConditions
from hil.vocab import AdbSettings, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping


def _plan(phone: Mapping[str, object], **tables: object) -> Plan:
    document = {
        "model": [{"path": "example:digits.tflite", "dataset": "d.npz"}],
        "device": [{"profile": "emulated-phone"}],
        "phone": dict(phone),
        **tables,
    }
    return parse_plan(document, where="p.toml", folder=Path("folder"))


def test_without_the_table_each_variant_runs_once_with_one_thread() -> None:
    plan = _plan({})
    assert plan.phone.settings == (Setting(),)
    assert plan.phone.conditions == PhoneConditions()


def test_settings_are_the_product_of_threads_cores_and_delegates() -> None:
    table = {
        "threads": [1, 2, 2],
        "cores": ["fastest", "0-3"],
        "delegates": ["xnnpack", "gpu"],
    }
    found = [str(setting) for setting in _plan(table).phone.settings]
    assert found == [
        "fastest, xnnpack",
        "fastest, gpu",
        "0-3, xnnpack",
        "0-3, gpu",
        "2 threads, fastest, xnnpack",
        "2 threads, fastest, gpu",
        "2 threads, 0-3, xnnpack",
        "2 threads, 0-3, gpu",
    ]


def test_conditions_are_taken_over_and_an_example_may_be_the_sentinel() -> None:
    conditions = _plan(
        {
            "temperature_gate": True,
            "max_start_c": 33,
            "gate_wait_seconds": 90,
            "cooldown_seconds": 5,
            "fixed_performance": False,
            "sentinel": "example:digits.tflite",
            "op_profile": True,
        }
    ).phone.conditions
    assert conditions.sentinel is not None
    assert conditions.sentinel.name == "digits.tflite"
    assert dataclasses.replace(conditions, sentinel=None) == PhoneConditions(
        temperature_gate=True,
        max_start_c=33,
        gate_wait_seconds=90,
        cooldown_seconds=5,
        fixed_performance=False,
        op_profile=True,
    )


def test_mlperf_mobile_brings_its_breaks_and_the_plan_lies_over_them() -> None:
    preset = {"preset": "mlperf-mobile"}
    told = _plan({}, measure=preset).phone.conditions
    assert told == PhoneConditions(
        temperature_gate=True, cooldown_seconds=300, gate_wait_seconds=300
    )
    own = _plan({"cooldown_seconds": 60}, measure=preset).phone.conditions
    assert own.cooldown_seconds == 60
    assert own.temperature_gate is True


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"threads": []}, "phone.threads: "),
        ({"threads": [0]}, "phone.threads.0: "),
        ({"threads": ["2"]}, "phone.threads.0: "),
        ({"delegates": ["cuda"]}, "phone.delegates.0: "),
        ({"cores": ["fast; rm"]}, "'fast; rm' is no choice of cores: all, fastest"),
        ({"max_start_c": 5}, "phone.max_start_c: "),
        ({"gate_wait_seconds": -1}, "phone.gate_wait_seconds: "),
        ({"core": ["big"]}, "phone.core"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(
    table: Mapping[str, object], text: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        _plan(table)
    assert text in str(caught.value)
    assert "p.toml" in str(caught.value)


def test_a_sentinel_or_binary_that_is_no_file_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"phone\.sentinel is no file") as caught:
        _plan({"sentinel": "missing.tflite"})
    assert caught.value.where == str(Path("folder") / "missing.tflite")
    with pytest.raises(ConfigError, match=r"phone\.binary is no file"):
        _plan({"binary": "missing"})


def test_stopping_early_needs_a_gate() -> None:
    with pytest.raises(ConfigError, match="stop_early needs an accuracy gate") as got:
        _plan({"stop_early": True})
    assert got.value.remedy == "gate.accuracy_drop_points = 1.0"
    plan = _plan({"stop_early": True}, gate={"accuracy_drop_points": 2})
    assert plan.phone.conditions.stop_early


def test_options_of_the_command_line_are_keys_of_the_table(tmp_path: Path) -> None:
    binary = tmp_path / "benchmark_model"
    assert phone_options(
        threads="1, 2", cores="fastest,4-7", delegates="none", binary=binary
    ) == {
        "threads": [1, 2],
        "cores": ["fastest", "4-7"],
        "delegates": ["none"],
        "binary": str(binary),
    }
    nothing = phone_options(threads=None, cores=None, delegates=None, binary=None)
    assert nothing == {}
    with pytest.raises(ConfigError, match="no list of whole numbers") as caught:
        phone_options(threads="1;2", cores=None, delegates=None, binary=None)
    assert caught.value.allowed == "1, or 1,2,4"


def test_two_profiles_with_one_address_are_refused_before_anything_runs() -> None:
    one = find_profile("emulated-phone")
    ways = [
        (AdbSettings(serial="R58N"), "a and b: R58N"),
        (AdbSettings(host="phone.lan"), "a and b: phone.lan:5555"),
    ]
    for link, found in ways:
        pair = [dataclasses.replace(one, name=n, link=link) for n in ("a", "b")]
        with pytest.raises(ConfigError, match="reach the same phone") as caught:
            require_distinct_phones(pair, "p.toml")
        assert caught.value.found == found
        other = dataclasses.replace(pair[1], link=AdbSettings(host="x", port=1))
        require_distinct_phones([pair[0], other], "p.toml")
    require_distinct_phones([one, dataclasses.replace(one, name="b")], "p.toml")
