"""Results as the comment of a pull request, read by a Markdown parser."""

from __future__ import annotations

from html.parser import HTMLParser

from markdown_it import MarkdownIt

from hil.report import markdown

HOSTILE = (
    "a|b`c` *d* _e_ <script>x</script> ![i](http://x) @team #1 www.x.y\n# h\n| --- |\\"
)


class Reader(HTMLParser):
    """Collects tags and text."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def rendered(run):
    # As GitHub does: tables, and inline HTML that is then filtered.
    return MarkdownIt("commonmark").enable("table").render(markdown.render(run))


def test_a_row_has_each_figure_with_basis_n_and_interval(record, run_of):
    text = markdown.render(run_of(record()))
    assert "1 of 1 rows are ok." in text
    assert (
        "| <code>int8</code><br>27,488 B | <code>board</code> | **240 us**<br>"
        "239 .. 241 us<br>n=40<br>host clock | 8,944 B<br>arena | 98.6 %, n=500<br>"
        "97.1 .. 99.3 % | 500/500<br>= tflm |"
    ) in text
    assert "it is no device's latency" in text


def test_what_did_not_run_is_told_below_the_table(failed, run_of):
    text = markdown.render(run_of(failed(problem="tflm cannot run it\n  remedy: x")))
    assert "**unsupported op**" in text
    assert (
        "<code>int8</code> on <code>board</code>: unsupported op<br>"
        "<code>tflm cannot run it<br>  remedy&#58; x</code>"
    ) in text


def test_hostile_names_stay_in_their_cell_as_text(record, failed, run_of):
    html = rendered(
        run_of(
            record(model=HOSTILE, variant=HOSTILE, device=HOSTILE),
            failed(variant=HOSTILE, device="b", model=HOSTILE, problem=HOSTILE),
            name=HOSTILE,
        )
    )

    reader = Reader()
    reader.feed(html)
    assert reader.tags.count("table") == 1
    assert reader.tags.count("td") == 2 * 6
    assert reader.tags.count("h1") == 0
    assert not {"script", "img", "a", "em"} & set(reader.tags)
    assert "a|b`c` *d* _e_ <script>x</script> ![i](http://x) @team #1 www.x.y" in (
        "".join(reader.text)
    )


def test_a_comment_is_never_longer_than_github_takes_and_says_what_is_missing(
    record, run_of
):
    run = run_of(*(record(variant=f"variant-{i:04}") for i in range(600)))
    text = markdown.render(run)
    assert len(text) <= 65_536
    shown = text.count("| <code>variant")
    assert 100 < shown < 600
    assert f"{600 - shown} of 600 rows are left out of this text." in text
