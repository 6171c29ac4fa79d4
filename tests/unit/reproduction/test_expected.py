"""Published values are read strictly: what is missing, unknown or without a source is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_study import NOTHING, expected

from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.reproduction.expected import Published, read


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """The file of the tiny study after a change."""

    def make(change: Callable[[dict[str, Any]], object]) -> Path:
        found = copy.deepcopy(expected())
        change(found)
        (tmp_path / "expected.json").write_text(json.dumps(found))
        return tmp_path / "expected.json"

    return make


def test_values_carry_their_source_and_setting(changed: Callable[..., Path]) -> None:
    file = read(changed(lambda file: None))
    found = file.arms
    assert file.statistic == "mean"
    co_bps = found["lfads"]["co_bps"]
    assert co_bps.value == 9.0 and co_bps.tolerance == 0.1 and co_bps.compare == "equal"
    assert co_bps.source is not None and co_bps.source.citation == "A paper, table 1"
    assert co_bps.setting is not None and co_bps.setting.units == 8 and co_bps.setting.phase is None
    assert found["smoothing"]["fp_bps"] == Published(reason="not reported")


def test_published_runs_may_have_quartiles_and_a_best_and_a_median_is_compared_with(
    changed: Callable[..., Path],
) -> None:
    def change(file: dict[str, Any]) -> None:
        file["statistic"] = "median"
        file["sources"]["paper"].pop("url")  # results that are not public
        file["arms"]["lfads"]["co_bps"].update(quartiles=[8.9, 9.1], best=9.3)

    file = read(changed(change))
    co_bps = file.arms["lfads"]["co_bps"]
    assert file.statistic == "median" and co_bps.quartiles == (8.9, 9.1) and co_bps.best == 9.3
    assert co_bps.source is not None and co_bps.source.url == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f.pop("sources"), ["no sources"]),
        (lambda f: f.update(title="x"), ["title"]),
        (lambda f: f.update(statistic="mode"), ["statistic", "'mode'", "median"]),
        (lambda f: f["sources"]["paper"].pop("citation"), ["sources.paper", "no citation"]),
        (lambda f: f["settings"]["same"].pop("bin_ms"), ["settings.same", "no bin_ms"]),
        (lambda f: f["settings"]["same"].update(phase="vla"), ["settings.same.phase", "'val'"]),
        (lambda f: f["arms"].update(lfads={}), ["arms.lfads"]),
        (lambda f: f["arms"]["lfads"].update(co_bps=0.3), ["arms.lfads.co_bps", "mapping"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].pop("tolerance"), ["arms.lfads.co_bps", "no tolerance"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].pop("source"), ["arms.lfads.co_bps", "no source"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].pop("setting"), ["arms.lfads.co_bps", "no setting"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(tolerance=-1), ["tolerance", "at least 0"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(value="0.3x"), ["co_bps.value"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(tolerence=1), ["co_bps.tolerence"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(quartiles=[9.1, 8.9]), ["co_bps.quartiles", "the first, then"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(quartiles=[9.1]), ["co_bps.quartiles"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(best="x"), ["co_bps.best"]),
        (lambda f: f["arms"]["smoothing"].update(fp_bps={**NOTHING, "best": 1.0}), ["fp_bps.best"]),
        (lambda f: f["arms"]["smoothing"].update(fp_bps={"value": None}), ["fp_bps", "no reason"]),
        (lambda f: f["arms"]["smoothing"].update(fp_bps={**NOTHING, "tolerance": 1}), ["fp_bps.tolerance"]),
    ],
)
def test_what_is_wrong_is_named(
    changed: Callable[..., Path], change: Callable[[dict[str, Any]], object], named: list[str]
) -> None:
    path = changed(change)
    with pytest.raises(InvalidInput) as failure:
        read(path)
    for word in ["expected.json", *named]:
        assert word in str(failure.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f["arms"]["lfads"].update(co_bsp=NOTHING), ["'co_bsp'", "'co_bps'"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(source="papr"), ["'papr'", "'paper'"]),
        (lambda f: f["arms"]["lfads"]["co_bps"].update(setting="some"), ["'some'", "'same'"]),
    ],
)
def test_names_that_are_not_defined_get_the_nearest(
    changed: Callable[..., Path], change: Callable[[dict[str, Any]], object], named: list[str]
) -> None:
    path = changed(change)
    with pytest.raises(UnknownName) as failure:
        read(path)
    for word in named:
        assert word in str(failure.value)


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "expected.json").write_text("{")
    with pytest.raises(InvalidInput, match=r"expected\.json"):
        read(tmp_path / "expected.json")


def test_passing_is_within_the_tolerance_or_not_worse_by_more() -> None:
    equal = Published(value=0.3, tolerance=0.01)
    assert equal.passed(0.295, "higher") and equal.passed(0.305, "higher")
    assert not equal.passed(0.28, "higher") and not equal.passed(0.32, "higher")
    at_least = Published(value=0.3, tolerance=0.01, compare="at_least")
    assert at_least.passed(0.9, "higher") and at_least.passed(0.295, "higher") and not at_least.passed(0.28, "higher")
    assert at_least.passed(-0.9, "lower") and not at_least.passed(0.32, "lower")
    assert not equal.passed(float("nan"), "higher") and not at_least.passed(float("nan"), "lower")


def test_scores_that_nobody_published_are_named_once_for_all_recipes(changed: Callable[..., Path]) -> None:
    def change(file: dict[str, Any]) -> None:
        file["unpublished"] = {"scores": ["fp_bps", "rate_r2"], "reason": "new"}
        file["compare_with"] = "smoothing"
        file["controls"] = ["lfads"]

    file = read(changed(change))
    assert file.of("another") == {"fp_bps": Published(reason="new"), "rate_r2": Published(reason="new")}
    assert set(file.of("lfads") or {}) == {"co_bps", "rate_r2"}  # its own entry
    assert file.compare_with == ("smoothing",) and file.controls == ("lfads",)
    assert read(changed(lambda f: None)).of("another") is None
    assert read(changed(lambda f: f.update(compare_with=["a", "b"]))).compare_with == ("a", "b")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda f: f.update(unpublished={"scores": ["co_bps"]}), ["unpublished", "no reason"]),
        (lambda f: f.update(unpublished={"scores": 3, "reason": "x"}), ["unpublished.scores", "list of names"]),
        (lambda f: f.update(compare_with={"a": 1}), ["compare_with", "list of names"]),
        (lambda f: f.update(controls=["lfads"]), ["controls", "no compare_with"]),
    ],
)
def test_what_is_wrong_with_comparisons_is_named(
    changed: Callable[..., Path], change: Callable[[dict[str, Any]], object], named: list[str]
) -> None:
    with pytest.raises(InvalidInput) as failure:
        read(changed(change))
    for word in named:
        assert word in str(failure.value)
    with pytest.raises(UnknownName, match="'co_bpz'"):
        read(changed(lambda f: f.update(unpublished={"scores": ["co_bpz"], "reason": "x"})))


def test_of_what_must_fail_and_of_rows_values_are_expected_too(changed: Callable[..., Path]) -> None:
    def change(file: dict[str, Any]) -> None:
        given = {"value": 0.1, "tolerance": 0.05, "compare": "at_most", "source": "paper", "setting": "same"}
        file["arms"]["lfads"]["cross_subject_r"] = {**given, "rows": {"untrained": {**given, "value": 0.3}}}
        file["arms"]["lfads"]["cross_modal_r_raw"] = {"value": 0.87, "source": "paper", "reason": "second-hand"}

    found = read(changed(change)).arms["lfads"]
    failing = found["cross_subject_r"]
    assert failing.passed(0.149, "higher") and failing.passed(-3.0, "higher") and not failing.passed(0.151, "higher")
    assert failing.passed(0.051, "lower") and not failing.passed(0.049, "lower")
    assert failing.rows["untrained"].value == 0.3 and failing.rows["untrained"].setting == failing.setting
    unjudged = found["cross_modal_r_raw"]
    assert (unjudged.value, unjudged.reason, unjudged.setting) == (0.87, "second-hand", None)
    assert unjudged.source is not None
    with pytest.raises(InvalidInput, match="rows"):
        read(changed(lambda f: f["arms"]["lfads"]["co_bps"].update(rows=["untrained"])))
    with pytest.raises(InvalidInput, match=r"rows\.glm.*no tolerance"):
        rows = {"glm": {"value": 1.0, "source": "paper", "setting": "same"}}
        read(changed(lambda f: f["arms"]["lfads"]["co_bps"].update(rows=rows)))
    with pytest.raises(InvalidInput, match="tolerance"):
        read(changed(lambda f: f["arms"]["lfads"]["co_bps"].update(reason="second-hand")))
