"""The page of a certificate: whole, without script or network, all text escaped."""

from __future__ import annotations

import re

from hil.report.certificate import to_html
from hil.results.certificate import (
    SCHEMA,
    Certificate,
    Item,
    KeptFile,
    Outcome,
    UsedLimits,
)
from hil.vocab import TargetKind

EVIL = "<script>alert(1)</script>\x1b[31m"


def page(**parts):
    values = {
        "schema": SCHEMA,
        "hil": "0.1.0",
        "device": EVIL,
        "kind": TargetKind.MCU,
        "issued_utc": "2026-11-21T00:00:00+00:00",
        "outcome": Outcome.UNDECIDED,
        "ids": {"build_id": EVIL, "phone": {"model": EVIL, "soc": None}},
        "profile": {"name": EVIL},
        "environment": {"packages": {"numpy": "2"}},
        "limits": UsedLimits(source=EVIL, sha256="5" * 64, values={"schema": 1}),
        "records": (KeptFile(file=EVIL, sha256="6" * 64, size_bytes=1234567),),
        "items": (
            Item(
                name=EVIL,
                part=EVIL,
                outcome=Outcome.UNDECIDED,
                figure=EVIL,
                limit=EVIL,
                value=1048576.0,
                unit="B",
                n=1000,
                basis=EVIL,
                evidence={"told": EVIL},
            ),
            Item(
                name="clock",
                part="clock",
                outcome=Outcome.NOT_MEASURABLE,
                figure="no",
                limit="-",
            ),
        ),
    }
    return to_html(Certificate(**{**values, **parts}))


def test_text_of_a_device_is_escaped_and_printable():
    text = page()
    assert "<script" not in text
    assert "\x1b" not in text
    assert text.count("&lt;script&gt;") > 8


def test_the_page_loads_nothing():
    text = page()
    assert "default-src 'none'; style-src 'sha256-" in text.replace("&#39;", "'")
    assert not re.search(r"(src|href)=|url\(|@import|https?://", text)


def test_outcomes_values_and_hashes_stand_in_words():
    text = page()
    assert "1 not decided, 1 not measurable" in text
    assert "? not decided" in text
    assert "value 1,048,576 B; n = 1,000; " in text
    assert "6" * 64 in text
    assert "1,234,567 B" in text
    assert "packages.numpy" in text
    assert "hil qualify verify certificate.json" in text
