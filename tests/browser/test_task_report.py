"""The report of a task-trained network in a real headless Chromium."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from neurodyn import api
from neurodyn.analysis.errors_over_training import errors_over_training
from neurodyn.analysis.gradient_alignment import gradient_alignment
from neurodyn.reporting.page import write
from neurodyn.training.run import Run
from task_runs import matches, reaches, trained

pytestmark = pytest.mark.browser


def _browser() -> ModuleType:
    """The tests of the other report, for how they open a page."""
    spec = importlib.util.spec_from_file_location("browser_of_report", Path(__file__).with_name("test_report.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPENING = _browser()
executable, playwright = OPENING.executable, OPENING.playwright


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One page of a network on a task with numbers, after every analysis, and of one on a task with classes."""
    folder = tmp_path_factory.mktemp("task_report")
    numbers, classes = reaches(), matches()
    trained(numbers, folder / "reach")
    trained(classes, folder / "match")
    run = Run.open(folder / "reach")
    (run.path / "analysis").mkdir()
    for found in (gradient_alignment(run, numbers.train), errors_over_training(run, numbers.test)):
        (run.path / found.FILE).write_text(json.dumps(found.as_mapping()))
    return write(api.subjects([folder / "reach", folder / "match"]), folder / "report.html")


@pytest.fixture(scope="module")
def opened(playwright: Any, executable: str, report: Path) -> Iterator[Any]:
    yield from OPENING._open(playwright, executable, report, *OPENING.WEBGL)


def test_no_error_and_no_request_leaves_the_file(opened: Any, report: Path) -> None:
    assert opened.errors == []
    assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [report.as_uri()]


FIGURES = {"learning_curves": 2, "errors_over_training": 1, "task_outputs": 2, "unit_activity": 2}
FIGURES |= {"recurrent_spectrum": 2, "gradient_alignment": 1}


@pytest.mark.parametrize(("section", "figures"), FIGURES.items())
def test_every_plot_is_drawn(opened: Any, section: str, figures: int) -> None:
    marks = opened.page.eval_on_selector_all(
        f"#{section} figure > .plot", "plots => plots.map(plot => plot.querySelectorAll('svg.main-svg .trace').length)"
    )
    assert len(marks) == figures and min(marks) > 0


def test_what_is_not_counted_lies_on_grey(opened: Any) -> None:
    first = opened.page.locator("#task_outputs .plot").first
    assert first.locator("svg.main-svg .shapelayer path").count() >= 8  # four trials, two outputs


def test_scores_of_both(opened: Any) -> None:
    text = opened.page.locator("#scores").inner_text()
    assert "The network leaves" in text and "decides rightly" in text
    assert opened.page.locator("table.scores tbody tr").count() == 3
