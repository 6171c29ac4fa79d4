"""The report in a real headless Chromium: it draws everything, says no error, and asks the network for nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neurodyn.reporting.page import write

pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


def _synthetic() -> Any:
    """The module that builds the unit tests' synthetic subjects."""
    path = Path(__file__).parents[1] / "unit" / "reporting" / "conftest.py"
    spec = importlib.util.spec_from_file_location("synthetic_subjects", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def executable() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser found among {', '.join(NAMES)}; continuous integration must have one")
        pytest.skip(f"no browser found among {', '.join(NAMES)}")
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write([_synthetic().build()], tmp_path_factory.mktemp("report") / "report.html")


class Opened:
    """A page with everything it said and asked for."""

    def __init__(self, page: Any, report: Path) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("request", lambda r: self.requests.append(r.url))
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-drawn=true]", timeout=120_000)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


def _open(playwright: Any, executable: str, report: Path, *arguments: str) -> Iterator[Opened]:
    given = ["--no-sandbox", "--disable-dev-shm-usage", *arguments]
    browser = playwright.chromium.launch(executable_path=executable, args=given)
    try:
        yield Opened(browser.new_page(viewport={"width": 1360, "height": 900}), report)
    finally:
        browser.close()


@pytest.fixture(scope="module")
def opened(playwright: Any, executable: str, report: Path) -> Iterator[Opened]:
    yield from _open(playwright, executable, report, *WEBGL)


@pytest.fixture
def without_webgl(playwright: Any, executable: str, report: Path) -> Iterator[Opened]:
    yield from _open(playwright, executable, report, "--disable-gpu", "--disable-3d-apis")


def test_no_error_and_no_request_leaves_the_file(opened: Opened, report: Path) -> None:
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


def test_every_plot_is_drawn(opened: Opened) -> None:
    drawn = opened.page.eval_on_selector_all(
        "figure > .plot",
        """plots => plots.map(plot => ({
            label: plot.getAttribute("aria-label"),
            svg: plot.querySelectorAll("svg.main-svg").length,
            marks: plot.querySelectorAll("svg.main-svg .trace, svg.main-svg .hm image").length,
            canvas: plot.querySelectorAll(".gl-container canvas").length,
            scene: plot.dataset.needs === "webgl",
        }))""",
    )
    assert len(drawn) == 17
    for plot in drawn:
        assert plot["svg"] > 0, plot
        assert plot["canvas" if plot["scene"] else "marks"] > 0, plot
    assert sum(plot["scene"] for plot in drawn) == 1


def test_scenes_show_something(opened: Opened) -> None:
    shades = opened.page.evaluate(
        """async () => {
            const plot = document.querySelector('.plot[data-needs="webgl"]');
            const url = await Plotly.toImage(plot, {format: "png", width: 300, height: 300});
            const image = new Image(); image.src = url; await image.decode();
            const canvas = document.createElement("canvas"); canvas.width = canvas.height = 300;
            const context = canvas.getContext("2d"); context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, 300, 300).data;
            const seen = new Set();
            for (let i = 0; i < data.length; i += 4) seen.add(data[i] + "," + data[i + 1] + "," + data[i + 2]);
            return seen.size;
        }"""
    )
    assert shades > 50


def test_tables_have_rows(opened: Opened) -> None:
    assert opened.page.locator("table.scores tbody tr").count() == 3
    assert "0.260" in opened.page.locator("table.scores tbody tr").first.inner_text()
    assert opened.page.locator("ul.findings li").count() == 12


def test_picker_changes_the_raster(opened: Opened) -> None:
    figure = opened.page.locator("#rasters figure").first
    spikes = "plot => JSON.stringify(plot.data[0].z)"
    select, plot = figure.locator("select"), figure.locator(".plot")
    before = plot.evaluate(spikes)
    picture = plot.locator(".hm image").first.get_attribute("href")
    figure.get_by_role("button", name="next").click()
    assert select.input_value() == "1"
    assert plot.evaluate(spikes) != before
    assert plot.locator(".hm image").first.get_attribute("href") != picture
    select.select_option("0")
    assert plot.evaluate(spikes) == before


def test_contents_lead_to_every_section(opened: Opened) -> None:
    targets = opened.page.eval_on_selector_all("nav a", "links => links.map(a => a.getAttribute('href'))")
    assert len(targets) == 15
    for target in targets:
        assert opened.page.locator(f"section{target} h2").count() == 1


def test_without_webgl_projections_stand_in(without_webgl: Opened) -> None:
    assert without_webgl.errors == []
    assert without_webgl.page.locator('.plot[data-needs="webgl"]').count() == 0
    assert "needs WebGL" in without_webgl.page.locator("#trajectories .absent").inner_text()
    assert without_webgl.page.locator("#trajectories .plot svg.main-svg .trace").count() > 0
