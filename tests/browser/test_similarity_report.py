"""The pages about similarity in a real headless Chromium: a comparison of few and of many activities, a run, and a study."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import similarity_subjects
from neurodyn.reporting import page
from neurodyn.reporting.similarity import write_comparison
from neurodyn.reporting.study import page as study_page

pytestmark = pytest.mark.browser


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"browser_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OPENING = _module(Path(__file__).with_name("test_report.py"))
executable, playwright = OPENING.executable, OPENING.playwright


def _drawn(playwright: Any, executable: str, path: Path, section: str = "body") -> list[dict[str, int]]:
    """What every figure of a section holds, after the page has said no error, asked for nothing, and kept to its width."""
    for opened in OPENING._open(playwright, executable, path):
        assert opened.errors == []
        assert [url for url in opened.requests if not url.startswith(("data:", "blob:"))] == [path.as_uri()]
        assert not opened.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        return opened.page.eval_on_selector_all(  # type: ignore[no-any-return]
            f"{section} figure > .plot",
            """plots => plots.map(plot => {
                const outer = plot.getBoundingClientRect();
                const texts = Array.from(plot.querySelectorAll("svg.main-svg text")).filter(t => t.textContent.trim());
                const inside = t => { const r = t.getBoundingClientRect();
                    return r.left >= outer.left - 2 && r.right <= outer.right + 2 && r.top >= outer.top - 2 && r.bottom <= outer.bottom + 2; };
                return { marks: plot.querySelectorAll("svg.main-svg .trace, svg.main-svg .hm image").length,
                         texts: texts.length, outside: texts.filter(t => !inside(t)).length };
            })""",
        )
    raise AssertionError("the browser was not opened")


@pytest.mark.parametrize("number", [2, 9])
def test_a_comparison(playwright: Any, executable: str, tmp_path: Path, number: int) -> None:
    path = write_comparison(similarity_subjects.comparison(number, draws=2), tmp_path / "comparison.html")
    drawn = _drawn(playwright, executable, path)
    assert len(drawn) == 6 and min(each["marks"] for each in drawn) > 0
    assert sum(each["outside"] for each in drawn) == 0 < min(each["texts"] for each in drawn)


def test_many_activities(playwright: Any, executable: str, tmp_path: Path) -> None:
    found = similarity_subjects.comparison(60, measures=("procrustes",), lags=False, draws=0)
    drawn = _drawn(playwright, executable, write_comparison(found, tmp_path / "comparison.html"))
    assert len(drawn) == 3 and min(each["marks"] for each in drawn) > 0
    assert sum(each["outside"] for each in drawn) == 0
    assert drawn[1]["texts"] > 120  # every row and every column of the heat map is named


def test_names_of_any_length(playwright: Any, executable: str, tmp_path: Path) -> None:
    names = [f"{'a network with a long description ' * 3}<b>&{i}" for i in range(4)]
    path = write_comparison(similarity_subjects.comparison(5, names, lags=False), tmp_path / "comparison.html")
    drawn = _drawn(playwright, executable, path)
    assert min(each["marks"] for each in drawn) > 0 and sum(each["outside"] for each in drawn) == 0


def test_a_run(playwright: Any, executable: str, tmp_path: Path) -> None:
    subject = OPENING._synthetic().build()
    compared = dataclasses.replace(subject, similarity=similarity_subjects.over_training())
    drawn = _drawn(
        playwright, executable, page.write([compared], tmp_path / "report.html"), "#similarity_over_training"
    )
    assert len(drawn) == 3 and min(each["marks"] for each in drawn) > 0
    assert sum(each["outside"] for each in drawn) == 0


def test_a_study(playwright: Any, executable: str, tmp_path: Path) -> None:
    path = study_page.write(similarity_subjects.study(), tmp_path / "report.html")
    drawn = _drawn(playwright, executable, path, "#similarity")
    assert len(drawn) == 4 and min(each["marks"] for each in drawn) > 0
    assert sum(each["outside"] for each in drawn) == 0
