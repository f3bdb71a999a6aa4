"""What may explain a change: told where it differs, passed over where it flickers."""

from __future__ import annotations

from hil.bench.comparing.attribution import host_facts, row_facts
from hil.bench.comparing.side import make_side
from hil.vocab import TimeBasis, Timing


def row(records):
    return make_side(records, name="run").rows[0]


def facts(made, base, new, **changes):
    rows = (
        row([made.record(w, evidence=e, **changes) for w, e in enumerate(windows)])
        for windows in (base, new)
    )
    return {fact.name: fact for fact in row_facts(*rows)}


def test_a_new_model_is_told_by_the_first_digits_of_its_hash(made):
    base, new = (row([made.record(model_sha256=h * 32)]) for h in ("ab", "cd"))
    (fact,) = row_facts(base, new)
    assert (fact.group, fact.name) == ("model", "model_sha256")
    assert (fact.base, fact.new) == ("abababababab", "cdcdcdcdcdcd")


def test_firmware_runtime_and_device_are_told_in_their_groups(made):
    base = {
        "build_id": "one",
        "compiler_flags": ["-O2", "-mcpu=cortex-m4"],
        "firmware_engine": "tflm 1",
        "binary_sha256": "ab" * 32,
        "delegation": {"extent": "full", "taken": 12},
        "phone": {"thermal_status": 0, "online_cores": [0, 1], "release": "14"},
    }
    new = {
        "build_id": "two",
        "compiler_flags": ["-O3", "-mcpu=cortex-m4"],
        "firmware_engine": "tflm 2",
        "binary_sha256": "cd" * 32,
        "delegation": {"extent": "partial", "taken": 3},
        "phone": {"thermal_status": 3, "online_cores": [0], "release": "15"},
    }
    found = facts(made, [base] * 3, [new] * 3)
    groups = {name: fact.group for name, fact in found.items()}
    assert groups == {
        "build_id": "firmware",
        "compiler_flags": "firmware",
        "firmware_engine": "runtime",
        "binary_sha256": "runtime",
        "delegation.extent": "delegate",
        "delegation.taken": "delegate",
        "phone.thermal_status": "heat",
        "phone.online_cores": "cores",
        "phone.release": "device",
    }
    assert found["compiler_flags"].new == "-O3, -mcpu=cortex-m4"


def test_heat_is_told_where_the_ranges_lie_apart_only(made):
    def warm(*degrees):
        return [{"phone": {"battery_temperature_c": d}} for d in degrees]

    assert facts(made, warm(30, 32, 33), warm(33, 34, 35)) == {}
    found = facts(made, warm(30, 32, 33), warm(38, 41))
    fact = found["phone.battery_temperature_c"]
    assert (fact.group, fact.base, fact.new) == ("heat", "30 .. 33", "38 .. 41")


def test_the_clock_that_a_device_reports_is_told(made):
    base, new = (
        row(
            [
                made.record(
                    timing=Timing(
                        basis=TimeBasis.HOST_CLOCK, tick_hz=hz, invoke_ticks=(1, 2)
                    )
                )
            ]
        )
        for hz in (168_000_000, 180_000_000)
    )
    (fact,) = row_facts(base, new)
    assert (fact.group, fact.base, fact.new) == (
        "clock",
        "168,000,000",
        "180,000,000",
    )


def test_flags_of_a_command_are_told_and_its_paths_are_not(made):
    def told(threads, folder):
        return {"argv": ["bm", f"--num_threads={threads}", f"--graph=/{folder}/m"]}

    found = facts(made, [told(1, "a")], [told(4, "b")])
    assert list(found) == ["flag.--num_threads"]
    assert found["flag.--num_threads"].group == "settings"


def test_what_belongs_to_one_window_is_passed_over(made):
    base = {"pid": 1, "stdout": "a", "stderr": "b", "init_us": 5, "sample": "x"}
    new = {"pid": 2, "stdout": "c", "stderr": "d", "init_us": 9, "sample": "y"}
    assert facts(made, [base], [new]) == {}


def test_a_fact_that_one_run_does_not_tell_is_told_so(made):
    fact = facts(made, [{}], [{"compiler": "gcc"}])["compiler"]
    assert (fact.base, fact.new) == ("not told", "gcc")


def test_long_texts_are_cut(made):
    fact = facts(made, [{"compiler": "a" * 500}], [{"compiler": "b"}])["compiler"]
    assert len(fact.base) == 120
    assert fact.base.endswith("...")


def test_hosts_are_held_against_each_other():
    base = {"hil": "1", "cpu": "A", "packages": {"numpy": "1"}, "platform": "L"}
    new = {"hil": "2", "cpu": "B", "packages": {"numpy": "2"}, "platform": "L"}
    found = [(fact.group, fact.name) for fact in host_facts(base, new)]
    assert found == [
        ("runtime", "hil"),
        ("runtime", "package.numpy"),
        ("host", "host.cpu"),
    ]
    assert host_facts({}, new) == ()
