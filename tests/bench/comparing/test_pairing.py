"""Which rows meet, which must not, and what a damaged run says."""

from __future__ import annotations

import pytest

from hil.bench.comparing.pairing import pair
from hil.bench.comparing.side import load_side, make_side
from hil.bench.comparing.verdict import compare_runs
from hil.errors import ConfigError
from hil.vocab import RunStatus, Setting, TimeBasis


def sides(base, new):
    return make_side(base, name="BASE"), make_side(new, name="NEW")


def test_rows_pair_by_model_variant_device_and_engine(made):
    base = [*made.timed(1), *made.timed(2, variant="float16")]
    new = [*made.timed(3), *made.timed(4, engine="compiled", device="other")]
    found = pair(*sides(base, new))
    assert [str(row.base.key) for row in found.pairs] == ["m int8 on board (tflm)"]
    assert [str(key) for key in found.only_base] == ["m float16 on board (tflm)"]
    assert [str(key) for key in found.only_new] == ["m int8 on other (compiled)"]


def test_another_engine_is_another_row(made):
    base = [*made.timed(1), *made.timed(2, variant="float16")]
    new = [
        *made.timed(1, engine="compiled"),
        *made.timed(2, variant="float16"),
    ]
    found = pair(*sides(base, new))
    assert [str(key) for key in found.only_base] == ["m int8 on board (tflm)"]
    assert [str(key) for key in found.only_new] == ["m int8 on board (compiled)"]


def test_another_setting_is_another_row(made):
    base = [
        *made.timed(1, setting=Setting(threads=4)),
        *made.timed(2, setting=Setting()),
    ]
    found = pair(*sides(base, made.timed(3, setting=Setting(threads=4))))
    assert str(found.pairs[0].base.key) == "m int8 on board (4 threads) (tflm)"
    assert [str(key) for key in found.only_base] == ["m int8 on board (tflm)"]


def test_a_row_that_failed_before_its_engine_was_known_still_pairs(made):
    lost = [made.record(0, status=RunStatus.LINK_BROKEN, engine=None)]
    assert len(pair(*sides(made.timed(1), lost)).pairs) == 1


def test_runs_without_a_common_row_name_both_sides(made):
    with pytest.raises(ConfigError) as caught:
        pair(*sides(made.timed(1), made.timed(1, device="other")))
    assert str(caught.value) == (
        "the runs have no row in common\n"
        "  where:   BASE and NEW\n"
        "  found:   m int8 on other (tflm)\n"
        "  allowed: m int8 on board (tflm)\n"
        "  remedy:  rows pair by model, variant, device and engine"
    )


def test_different_time_bases_are_refused(made):
    new = made.timed(1, time_basis=TimeBasis.DEVICE_CLOCK)
    with pytest.raises(ConfigError, match="count different times") as caught:
        pair(*sides(made.timed(1), new))
    assert caught.value.found == "host_clock and device_clock"
    assert "--force: times are then left out" in caught.value.remedy


def test_force_leaves_times_of_different_bases_out_and_says_so(made):
    new = made.timed(1, time_basis=TimeBasis.DEVICE_CLOCK)
    found = compare_runs(*sides(made.timed(1), new), force=True)
    assert [c.figure for c in found.rows[0].changes] == ["size", "arena"]
    (note,) = found.notes
    assert note == (
        "m int8 on board (tflm): the runs count different times, host_clock and "
        "device_clock (--force)"
    )


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("compiler", "arm-none-eabi-gcc: 13.2.0", "compilers"),
        ("compiler_flags", ["-O3"], "compiler flags"),
        ("qemu", "QEMU emulator version 8.2.0", "versions of QEMU"),
        ("machine", "mps2-an500", "machines of QEMU"),
        ("icount_shift", 3, "-icount shifts"),
    ],
)
def test_instructions_that_were_counted_otherwise_are_refused(made, key, value, what):
    new = made.counted(evidence={**made.qemu, key: value})
    with pytest.raises(ConfigError, match=f"counted with different {what}") as caught:
        pair(*sides(made.counted(), new))
    assert caught.value.exit_status == 2
    assert "--force" in caught.value.remedy
    found = pair(*sides(made.counted(), new), force=True)
    assert what in found.notes[0]


def test_a_compiler_that_is_told_by_one_run_only_is_another_one(made):
    with pytest.raises(ConfigError, match="different compilers") as caught:
        pair(*sides(made.counted(), made.counted(evidence={})))
    assert caught.value.found == "arm-none-eabi-gcc: 12.2.1 and not told"


def test_times_of_other_compilers_are_what_is_to_be_compared(made):
    new = made.timed(1, evidence={"compiler": "gcc 13"})
    assert pair(*sides(made.timed(1), new)).notes == ()


def test_an_empty_run_is_refused(folder):
    with pytest.raises(ConfigError, match="the run has no records"):
        load_side(folder("empty", []))


def test_a_folder_without_records_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there are no records to read"):
        load_side(tmp_path)


def test_a_cut_last_line_is_skipped_and_told(made, folder):
    path = folder("run", made.timed(1))
    with (path / "records.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"run"')
    side = load_side(path)
    assert len(side.rows[0].records) == 6
    assert side.notes == (f"{path}/records.jsonl:7: the last line is cut; skipped",)


def test_a_newer_schema_is_refused(made, folder):
    path = folder("run", [made.record(0, schema=99)])
    with pytest.raises(ConfigError, match="written by a newer hil"):
        load_side(path)


def test_two_runs_in_one_file_are_refused(made, folder):
    path = folder("run", [made.record(0), made.record(1, run="another")])
    with pytest.raises(ConfigError, match="one side of a comparison is one run") as c:
        load_side(path)
    assert c.value.found == "records of 2 runs: another, run"


def test_two_rows_of_one_name_are_refused(made):
    rows = [made.record(0), made.record(0, setting=Setting())]
    with pytest.raises(ConfigError, match="two rows of a run have one name") as caught:
        make_side(rows, name="BASE")
    assert caught.value.found == "m int8 on board"


def test_windows_of_two_bases_in_one_row_are_refused(made):
    rows = [*made.timed(1, count=1), made.counted(engine="tflm")[1]]
    with pytest.raises(ConfigError, match="windows of one row count different times"):
        make_side(rows, name="BASE")


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_damaged_environment_is_passed_over_and_told(made, folder, text):
    path = folder("run", made.timed(1))
    (path / "environment.json").write_text(text)
    side = load_side(path)
    assert side.environment == {}
    assert str(path / "environment.json") in side.notes[0]


def test_records_of_boards_in_qemu_are_read_back(made, folder):
    """Their ticks have no rate, and what is not there is not written."""
    (row,) = load_side(folder("run", made.counted())).rows
    assert row.result.latency.median == 971_923
