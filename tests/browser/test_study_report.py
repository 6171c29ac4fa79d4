"""The page about a study in a real headless Chromium: it draws everything, says no error, and asks the network for nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from neurodyn.reporting.study import page

pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _made_up() -> Any:
    """The module that makes up the unit tests' study."""
    path = Path(__file__).parents[1] / "unit" / "reporting" / "study" / "study_subjects.py"
    spec = importlib.util.spec_from_file_location("study_subjects", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _opened(report: Path) -> dict[str, Any]:
    """What a browser finds on a page: errors, requests, marks of every figure, rows of scores, and whether it is too wide."""
    executable = next((path for name in NAMES if (path := shutil.which(name))), None)
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser found among {', '.join(NAMES)}; continuous integration must have one")
        pytest.skip(f"no browser found among {', '.join(NAMES)}")
    from playwright.sync_api import sync_playwright

    errors: list[str] = []
    requests: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        opened = browser.new_page(viewport={"width": 1360, "height": 900})
        opened.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        opened.on("pageerror", lambda e: errors.append(str(e)))
        opened.on("request", lambda r: requests.append(r.url))
        opened.goto(report.as_uri())
        opened.wait_for_selector("html[data-drawn=true]", timeout=120_000)
        marks = opened.eval_on_selector_all(
            "figure > .plot",
            'plots => plots.map(p => p.querySelectorAll("svg.main-svg .trace, svg.main-svg .hm image").length)',
        )
        wide = opened.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        rows = opened.locator("table.scores tbody tr").count()
        labels = opened.locator("#paired .ytick").all_text_contents()
        browser.close()
    assert errors == []
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]
    assert not wide
    return {"marks": marks, "rows": rows, "labels": labels}


def test_every_figure_is_drawn_without_an_error_or_a_request(tmp_path: Path) -> None:
    found = _opened(page.write(_made_up().build(), tmp_path / "report.html"))
    assert (
        len(found["marks"]) == 7 and min(found["marks"]) > 0
    )  # two each of spreads, inputs and matrices, and a portrait
    assert found["rows"] == 12


def test_paired_differences_are_drawn_with_their_arms_named(tmp_path: Path) -> None:
    found = _opened(page.write(_made_up().build_taught(), tmp_path / "report.html"))
    assert len(found["marks"]) == 3 and min(found["marks"]) > 0  # differences, spread and a matrix
    for arm in ("hard_rate", "soft", "self", "shuffled", "teacher †"):
        assert arm in found["labels"]
