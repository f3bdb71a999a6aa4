"""The page as text: what is in it, and that text of devices stays text."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest

from hil.report import html_page
from hil.report.html_evidence import MOST_WINDOWS, evidence, facts, shown
from hil.vocab import RunStatus

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\"'&amp;{{7*7}}"


class Reader(HTMLParser):
    """Collects tags, ids, and the text outside of style and script."""

    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        if self.tags[-1:] not in (["style"], ["script"]):
            self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


@pytest.fixture
def mixed(record, instructions, summary, failed, run_of):
    return run_of(
        record(),
        record(variant="float16", size_bytes=41452, window=0),
        summary(11.0, device="phone"),
        instructions(971_906, device="qemu", size_bytes=27488),
        instructions(471_906, device="qemu", variant="float16"),
        failed(variant="dynamic", problem="tflm cannot run CONV_2D"),
    )


def test_every_figure_stands_with_its_basis_size_and_interval(mixed):
    text = " ".join("".join(read(html_page.render([mixed])).text).split())
    for part in (
        "240 us",
        "n=40, host clock",
        "971,906 insn",
        "98.6 %",
        "97.1 .. 99.3 %, top1, n=500",
        "8,944 B",
        "500/500",
        "tflm cannot run CONV_2D",
    ):
        assert part in text


def test_the_page_asks_for_nothing_from_the_network(mixed):
    page = html_page.render([mixed])
    reader = read(page)
    assert not {"link", "img", "iframe", "object", "base"} & set(reader.tags)
    assert all(name not in {"src", "style"} for name, _ in reader.attributes)
    links = [value for name, value in reader.attributes if name == "href"]
    assert links
    assert all(link.startswith("#") for link in links)
    assert "url(" not in page
    policy = next(v for _, v in reader.attributes if v and "default-src" in v)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


def test_ids_are_unique_and_every_link_leads_somewhere(mixed):
    reader = read(html_page.render([mixed, dataclasses.replace(mixed, name="b")]))
    assert len(reader.ids) == len(set(reader.ids))
    named = [
        word
        for name, value in reader.attributes
        if name in {"aria-labelledby", "href"}
        for word in value.replace("#", "").split()
    ]
    assert set(named) <= set(reader.ids)


def test_hostile_text_is_shown_and_never_markup(record, failed, run_of):
    page = html_page.render(
        [
            run_of(
                record(
                    model=HOSTILE,
                    variant=HOSTILE,
                    device=HOSTILE,
                    engine=HOSTILE,
                    retries=(HOSTILE,),
                    evidence={
                        HOSTILE: {HOSTILE: HOSTILE},
                        "profile": [{"type": HOSTILE, "us": 2.0}],
                    },
                ),
                failed(model=HOSTILE, variant="b", problem=HOSTILE),
                name=HOSTILE,
                environment={HOSTILE: HOSTILE},
            )
        ]
    )
    reader = read(page)
    assert reader.tags.count("script") == 1
    assert "img" not in reader.tags
    assert "onerror" not in {name for name, _ in reader.attributes}
    assert "\x1b" not in page
    assert "<script>alert(1)</script>" in "".join(reader.text)
    assert "{{7*7}}" in "".join(reader.text)


def test_different_time_bases_never_share_a_plot(mixed):
    page = html_page.render([mixed])
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert "Latency of digits, host clock" in captions
    assert "Latency of digits, insn" in captions
    assert "Latency and accuracy of digits, host clock" in captions
    assert "Latency and accuracy of digits, insn" in captions
    figures = page.split("<figure")
    for figure in figures[1:]:
        told = figure.partition("</figure>")[0]
        if "<figcaption>Latency" in told:
            assert not ("host clock" in told and "insn" in told)


def test_every_plot_has_a_name_a_description_and_a_table(mixed):
    page = html_page.render([mixed])
    figures = [part.partition("</figure>")[0] for part in page.split("<figure")[1:]]
    assert len(figures) >= 5
    for figure in figures:
        assert re.search(r'<title id="plot-\d+-title">[^<]+</title>', figure)
        assert re.search(r'<desc id="plot-\d+-desc">[^<]+</desc>', figure)
        assert "<table" in figure


def test_what_is_absent_has_no_section(record, run_of):
    page = html_page.render([run_of(record())])
    for absent in ("memory", "layers", "temperature", "history"):
        assert f'<section id="{absent}"' not in page
    assert '<section id="latency"' in page


def test_layers_memory_maps_and_temperatures_are_drawn_where_they_are(record, run_of):
    memory = {
        "arena_bytes": 4608,
        "ram_bytes": 35588,
        "ram_stack_bytes": 8192,
        "ram_static_bytes": 22788,
        "flash_bytes": 38220,
        "flash_code_bytes": 12000,
    }
    window = {"thermometer": "skin", "samples": [{"seconds": 0.1, "celsius": 31.5}]}
    profile = [{"type": "CONV_2D", "name": "stem", "us": 41.2}]
    given = {"window": window, "profile": profile}
    page = html_page.render([run_of(record(memory=memory, evidence=given))])
    for part in (
        "Flash of digits by part",
        "RAM of digits by part",
        "Operators of int8 on board",
        "CONV_2D stem",
        "Temperature of board",
        "temperature, °C (skin)",
        "<td>31.5</td>",
    ):
        assert part in page


def test_history_draws_what_moved_and_lists_what_did_not(record, run_of):
    def timed(factor):
        timing = record().timing
        ticks = tuple(factor * tick for tick in timing.invoke_ticks)
        return dataclasses.replace(timing, invoke_ticks=ticks)

    runs = [
        run_of(record(timing=timed(factor), run=name), name=name)
        for name, factor in (("monday", 1), ("tuesday", 2))
    ]
    page = html_page.render(runs)
    history = page.partition('<section id="history"')[2].partition("</section>")[0]
    assert "Latency of digits int8 on board" in history
    assert "monday" in history
    assert "480 us" in history
    assert "2 figures that are the same in every run" in history
    assert "8,944 B" in history
    assert page.count('<tr role="row" class=') == 1


def test_rows_beyond_what_a_browser_can_show_are_told(record, run_of, monkeypatch):
    monkeypatch.setattr(html_page, "MOST_ROWS", 3)
    monkeypatch.setattr(html_page, "MOST_DETAILS", 2)
    page = html_page.render([run_of(*(record(variant=f"v{i}") for i in range(5)))])
    assert page.count('<tr role="row" class=') == 3
    assert "2 further rows are left out of this page" in page
    assert "1 further rows have their evidence in records.jsonl only" in page


def test_what_looks_like_a_secret_is_hidden():
    found = {
        fact.name: fact.text
        for fact in facts(
            {
                "adb": {"auth_token": "abc"},
                "argv": ["tool", "--password=hunter2", "http://u:hunter2@host/x"],
                "log": "Bearer hunter2\n-----BEGIN RSA PRIVATE KEY-----\nhunter2",
                "binary_sha256": "21fd",
            }
        )
    }
    assert found == {
        "adb.auth_token": "(hidden)",
        "argv": "tool\n--password=(hidden)\nhttp://u:(hidden)@host/x",
        "log": "Bearer (hidden)\n-----BEGIN RSA PRIVATE KEY-----(hidden)",
        "binary_sha256": "21fd",
    }


def test_long_text_is_cut_and_told_to_be():
    assert shown("x" * 3010).endswith("x\n(10 more characters in records.jsonl)")


def test_many_windows_are_cut_and_told_to_be(record, run_of):
    run = run_of(*(record(window=i) for i in range(MOST_WINDOWS + 5)))
    told = evidence(run.rows[0])
    assert len(told.windows) == MOST_WINDOWS
    assert told.note == "5 more windows are in records.jsonl"
    assert told.windows[0][1:] == (
        *("2026-11-21 10:00:00.000", "0.50 s", "ok", "40", "240 us"),
    )


def test_a_timer_finer_than_a_microsecond_is_told_in_ns(record, run_of):
    told = {f.name: f.text for f in evidence(run_of(record()).rows[0]).facts}
    assert told["timer step"] == "100 ns"


def test_a_failure_is_told_first(failed, run_of):
    page = html_page.render([run_of(failed(status=RunStatus.CRASHED, problem="boom"))])
    overview = page.partition('id="overview"')[2].partition("</section>")[0]
    assert "1 crashed" in overview
    assert '<a href="#row-1">int8 on board</a>' in overview


@pytest.mark.parametrize("theme", [r":root \{", r':root\[data-theme="dark"\] \{'])
def test_texts_and_marks_stand_out_from_their_ground(theme, mixed):
    # axe-core cannot judge text in SVG; WCAG asks for 4.5 for text and 3 for marks.
    page = html_page.render([mixed])
    block = re.search(rf"{theme}(.*?)\n\}}", page, re.DOTALL)[1]
    colours = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for ground in ("card", "page"):
        for text in ("ink", "soft", "link", "bad", "warn"):
            assert contrast(colours[text], colours[ground]) >= 4.5
        for mark in ("c0", "c1", "c2", "c3", "c4", "c5"):
            assert contrast(colours[mark], colours[ground]) >= 3


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        s / 12.92 if s <= 0.03928 else ((s + 0.055) / 1.055) ** 2.4 for s in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
