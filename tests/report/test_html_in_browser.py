"""The page in headless Chromium: sorting, filters, themes, width, escaped text."""

from __future__ import annotations

import pytest

from hil.report import html_page
from hil.vocab import RunStatus

TAB, ENTER = "\ue004", "\ue007"  # as WebDriver names the keys
HOSTILE = '"><img src=x onerror="window.broken=1"><script>window.broken=1</script>'


TOO_WIDE = """
const most = document.documentElement.clientWidth;
return [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > most && !e.closest(".scroll"))
  .map((e) => e.outerHTML.slice(0, 90)).slice(0, 5);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory, record, instructions, summary, failed, run_of):
    run = run_of(
        record(evidence={"window": {"samples": [{"seconds": 0, "celsius": 30.0}]}}),
        record(variant="float16", size_bytes=41452, device="x" * 300),
        summary(11.0, device="phone"),
        summary(9.0, device="phone", variant="float16"),
        instructions(971_906, device="qemu"),
        instructions(71_906, device="qemu", variant="float16"),
        failed(variant=HOSTILE, problem=f"{HOSTILE} {'y' * 400}"),
        failed(variant="slow", status=RunStatus.TIMED_OUT),
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html_page.render([run]), encoding="utf-8")
    return path


@pytest.fixture
def driver(browser, page):
    size(browser, 1280)
    browser.get(page.as_uri())
    browser.get_log("browser")
    browser.execute_script("localStorage.clear()")
    browser.get(page.as_uri())
    return browser


def size(browser, width):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False},
    )


def column(driver, name):
    """Return the figures of a column, in the rows that are shown."""
    return driver.execute_script(
        "return [...document.querySelectorAll('#results tbody tr:not([hidden])')]"
        ".map(r => r.querySelector(`td[data-head='${arguments[0]}']`)"
        ".firstElementChild.textContent)",
        name,
    )


def click_head(driver, name):
    driver.execute_script(
        "[...document.querySelectorAll('#results th')]"
        ".find(h => h.textContent === arguments[0]).querySelector('button').click()",
        name,
    )


def choose(driver, selector, value):
    driver.execute_script(
        "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change'));",
        selector,
        value,
    )


def test_latencies_sort_within_their_basis_and_what_is_absent_comes_last(driver):
    click_head(driver, "latency")
    up = ["9 us", "11 us", "240 us", "240 us", "71,906 insn", "971,906 insn", "-", "-"]
    assert column(driver, "latency") == up
    click_head(driver, "latency")
    down = [*reversed(up[:4]), *reversed(up[4:6]), "-", "-"]
    assert column(driver, "latency") == down
    states = driver.execute_script(
        "return [...document.querySelectorAll('#results th')].map(h => h.ariaSort)"
    )
    assert states == ["none"] * 4 + ["descending"] + ["none"] * 3


def test_words_sort_by_letter_and_clear_brings_the_first_order_back(driver):
    before = column(driver, "device")
    click_head(driver, "device")
    assert column(driver, "device") == sorted(before)
    driver.execute_script("document.getElementById('clear').click()")
    assert column(driver, "device") == before


def test_the_list_of_orders_does_what_the_heads_do(driver):
    choose(driver, "#sort", "1")
    assert column(driver, "variant")[1:] == [
        *("float16",) * 3,
        *("int8",) * 3,
        "slow",
    ]
    driver.execute_script("document.getElementById('direction').click()")
    assert column(driver, "variant")[:2] == ["slow", "int8"]


def test_filters_narrow_the_rows_and_tell_how_many_are_left(driver):
    choose(driver, "select[data-filter=device]", "qemu")
    assert column(driver, "device") == ["qemu", "qemu"]
    choose(driver, "#search", "FLOAT16 insn")
    assert column(driver, "latency") == ["71,906 insn"]
    assert driver.execute_script("return count.textContent") == "1 of 8 rows"
    driver.execute_script("document.getElementById('clear').click()")
    assert driver.execute_script("return count.textContent") == "8 rows"
    choose(driver, "select[data-filter=status]", "timed out")
    assert column(driver, "variant") == ["slow"]


def test_heads_can_be_reached_and_used_with_the_keyboard(driver):
    driver.execute_script("document.querySelector('#results th button').focus()")
    driver.switch_to.active_element.send_keys(TAB)
    driver.switch_to.active_element.send_keys(ENTER)
    assert (
        driver.execute_script(
            "return document.querySelectorAll('#results th')[1].ariaSort"
        )
        == "ascending"
    )


def test_a_variants_name_opens_its_evidence(driver):
    driver.execute_script("document.querySelector('a[href=\"#row-3\"]').click()")
    opened = "return document.getElementById('row-3').open"
    driver.execute_async_script("setTimeout(arguments[0], 100)")
    assert driver.execute_script(opened) is True
    driver.execute_script("document.getElementById('row-3').open = false")
    driver.execute_script("document.querySelector('a[href=\"#row-3\"]').click()")
    assert driver.execute_script(opened) is True


def test_hostile_text_is_seen_and_does_nothing(driver):
    assert HOSTILE in column(driver, "variant")
    assert driver.execute_script("return window.broken === undefined")
    assert driver.execute_script("return document.images.length") == 0


def test_the_console_stays_empty_and_nothing_is_loaded(driver):
    click_head(driver, "memory")
    assert driver.get_log("browser") == []
    loaded = "return performance.getEntriesByType('resource').map(r => r.name)"
    assert driver.execute_script(loaded) == []


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_the_page_never_scrolls_sideways(driver, width):
    size(driver, width)
    driver.execute_script(
        "for (const part of document.querySelectorAll('details')) part.open = true"
    )
    wide = "return document.documentElement.scrollWidth"
    assert driver.execute_script(wide) <= width, driver.execute_script(TOO_WIDE)


def test_a_table_on_a_phone_is_still_one_to_a_screen_reader(driver):
    size(driver, 375)
    root = driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = [node["role"]["value"] for node in root if not node["ignored"]]
    # Eight rows and their head, eight cells each.
    assert roles.count("columnheader") == 8
    assert roles.count("cell") >= 64


def test_dark_and_light_follow_the_system_until_they_are_chosen(driver):
    ground = "return getComputedStyle(document.body).backgroundColor"
    seen = []
    for scheme in ("light", "dark"):
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        seen.append(driver.execute_script(ground))
    assert seen == ["rgb(246, 247, 249)", "rgb(18, 22, 28)"]
    theme = "document.getElementById('theme')"
    driver.execute_script(f"{theme}.click()")
    assert driver.execute_script(f"return {theme}.textContent") == "Theme: light"
    assert driver.execute_script(ground) == seen[0]
    driver.refresh()
    assert driver.execute_script(ground) == seen[0]
