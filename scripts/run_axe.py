"""Run axe-core on a page in headless Chromium; scripts/check-accessibility calls it.

    python scripts/run_axe.py AXE.js PAGE.html

Every part that can be opened is open. Exit status 1 for serious and critical faults.
"""

from __future__ import annotations

import sys
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

SEVERE = {"serious", "critical"}
VIEWS = (("light", 1280), ("dark", 1280), ("light", 375), ("dark", 375))
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations", "incomplete"]}).then(done);
"""


def browser() -> webdriver.Chrome:
    """Start Debian's chromium, whose driver must not be looked for in the network."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def check(driver: webdriver.Chrome, page: Path, axe: str) -> int:
    """Print what axe finds in each view and return the number of severe faults."""
    severe = 0
    for theme, width in VIEWS:
        media = [{"name": "prefers-color-scheme", "value": theme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(page.as_uri())
        driver.execute_script(
            "for (const part of document.querySelectorAll('details')) part.open = true;"
        )
        driver.execute_script(axe)
        found = driver.execute_async_script(RUN)
        faults = found["violations"]
        severe += sum(fault["impact"] in SEVERE for fault in faults)
        print(
            f"{theme}, {width} px: {len(faults)} faults, "
            f"{len(found['passes'])} rules passed, {len(found['incomplete'])} undecided"
        )
        for fault in faults:
            print(f"  {fault['impact']}: {fault['id']}: {fault['help']}")
            for node in fault["nodes"][:3]:
                print(f"    {node['html'][:160]}")
        for fault in found["incomplete"]:
            print(f"  undecided: {fault['id']} ({len(fault['nodes'])} parts)")
    return severe


def main() -> None:
    """Check one page."""
    axe, page = (Path(argument).resolve() for argument in sys.argv[1:3])
    driver = browser()
    try:
        driver.set_script_timeout(120)
        severe = check(driver, page, axe.read_text(encoding="utf-8"))
    finally:
        driver.quit()
    if severe:
        sys.exit(f"{severe} serious or critical faults")
    print("no serious or critical fault")


if __name__ == "__main__":
    main()
