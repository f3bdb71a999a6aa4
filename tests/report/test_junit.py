"""Results as JUnit XML."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hil.report import junit
from hil.vocab import RunStatus


def test_a_row_is_a_case_with_its_figures_as_properties(record, run_of):
    root = ET.fromstring(junit.render(run_of(record(), record(window=1))))
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.get("timestamp") == "2026-11-21T10:00:00.000"
    (case,) = suite
    assert (case.get("classname"), case.get("name"), case.get("time")) == (
        *("hil.digits", "int8 on board"),
        "1.000",
    )
    found = {p.get("name"): p.get("value") for p in case.find("properties")}
    assert found["latency_median_us"] == "239.95"
    assert found["latency_n"] == "80"
    assert found["time_basis"] == "host_clock"
    assert found["memory_arena_bytes"] == "8944"
    assert found["metric_value"] == "0.986"
    assert found["metric_n"] == "500"
    assert found["equals_host"] == "500/500 = tflm"


def test_outcomes_are_told_apart_and_counted(record, failed, run_of):
    run = run_of(
        record(variant="a"),
        failed(variant="b", problem="no kernel\nremedy: x"),
        failed(variant="c", status=RunStatus.WRONG_OUTPUT),
        failed(variant="d", status=RunStatus.CRASHED, problem="boom"),
    )
    root = ET.fromstring(junit.render(run, accepted={RunStatus.UNSUPPORTED_OP}))
    for element in (root, root[0]):
        counts = [element.get(n) for n in ("tests", "failures", "errors", "skipped")]
        assert counts == ["4", "1", "1", "1"]
    ok, skipped, failure, error = root[0]
    assert len(ok) == 1
    assert skipped.find("skipped").get("message") == "unsupported op: no kernel"
    assert failure.find("failure").get("message") == (
        "wrong output: no reason was given"
    )
    assert error.find("error").get("type") == "crashed"
    assert error.find("error").text == "boom"


def test_what_xml_cannot_hold_is_shown_by_its_value(failed, run_of):
    hostile = 'a\x00\x0b\x1b\ud800<b>&"]]>'
    root = ET.fromstring(junit.render(run_of(failed(problem=hostile, model=hostile))))
    case = root[0][0]
    assert case.find("failure").text == 'a\\x00\\x0b\\x1b\\ud800<b>&"]]>'
