"""The report card: rows on the same trials, and no headline alone."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from alignment_cases import aligned, collapsed
from neurodyn import registry
from neurodyn.alignment.base import Alignment
from neurodyn.alignment.card import HEADLINE, SAME_LATENTS, ReportCard, report_card
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.metrics.base import Score

FEW = ("cross_subject_r", "cross_subject_r_unpaired", "cross_subject_r_raw", "effective_dimension", "cross_modal_r")


def rows(**more: Alignment) -> dict[str, Alignment]:
    model = aligned()
    return {"model": model, "untrained": aligned(noise=4.0), "shuffled_pairing": collapsed(model), **more}


def few(**given: object) -> list[Score]:
    return report_card(rows(), measures=FEW, draws=200, **given)  # type: ignore[arg-type]


def test_every_score_has_rows_intervals_and_differences_on_the_same_trials() -> None:
    found = {s.name: s for s in few(context={"data": "hand"})}
    score = found[HEADLINE]
    assert set(score.baselines) == {"untrained", "shuffled_pairing"} and score.n == 24
    assert score.interval[0] < score.value < score.interval[1]
    difference, low, high = score.difference["shuffled_pairing"]
    assert difference == score.value and low > 0.5 and low < difference < high
    assert score.context["subjects"] == ["b", "c"] and score.context["data"] == "hand"
    assert score.context["interval"] == "95 % bootstrap over stimuli"
    assert score.context["beside"]["shuffled_pairing"]["active"] == "0 of 6 latent dimensions"
    assert score.context["beside"]["untrained"]["unpaired"] == found["cross_subject_r_unpaired"].baselines["untrained"]
    assert found["cross_subject_r_raw"].context["warning"] and "warning" not in score.context
    json.dumps([s.as_mapping() for s in found.values()], allow_nan=False)


def test_all_measures_that_apply_are_taken() -> None:
    quick = [n for n in registry.names("alignment_measures") if not n.endswith(("mlp", "gru"))]
    names = [n for n in quick if registry.load("alignment_measures", n)().applies(aligned())]
    found = report_card({"model": aligned()}, measures=names, draws=50)
    assert [s.name for s in found] == names and len(names) == 16
    assert SAME_LATENTS in ReportCard(found).text()
    assert {s.name for s in found if s.ceiling is not None} == {
        "zero_shot_behaviour_r2",
        "zero_shot_behaviour_r2_linear",
    }


def test_rows_fit_where_some_subjects_are_not_scored_and_nothing_is_active() -> None:
    def some(alignment: Alignment) -> Alignment:
        b = dataclasses.replace(alignment.subjects["b"], zero_shot=False)
        return Alignment({"b": b, "c": alignment.subjects["c"]}, alignment.training)

    model = some(aligned(column="condition", stimuli=6, repeats=2))
    names = [n for n in registry.names("alignment_measures") if not n.endswith(("mlp", "gru", "accuracy"))]
    found = report_card({"model": model, "shuffled_pairing": collapsed(model)}, measures=names, draws=20)
    assert {s.n for s in found if s.name in ("cross_subject_r", "interval_coverage", "effective_dimension")} == {12}


def test_a_bar_changes_nothing_and_leaves_stdout_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with_bar = report_card({"model": aligned()}, measures=FEW, draws=20, progress=True)
    assert [s.value for s in with_bar] == [s.value for s in few()] and not capsys.readouterr().out


def test_what_was_measured_directly_stands_beside() -> None:
    own = registry.load("alignment_measures", HEADLINE)().measure(aligned())
    found = few(direct={"pca_cca": {HEADLINE: own}})[0]
    assert found.baselines["pca_cca"] == found.value and found.difference["pca_cca"] == (0, 0, 0)


def test_rows_of_other_trials_are_refused() -> None:
    other = aligned(seed=1)  # another order of trials
    with pytest.raises(InvalidInput, match="other trials of b"):
        report_card({"model": aligned(), "untrained": other})
    with pytest.raises(InvalidInput, match="the model's subjects"):
        report_card({"model": aligned(), "untrained": aligned(names=("b", "d"))})
    told = {n: dataclasses.replace(s, zero_shot=False) for n, s in aligned().subjects.items()}
    with pytest.raises(InvalidInput, match="zero_shot=False"):
        report_card({"model": aligned(), "untrained": Alignment(told)})
    short = registry.load("alignment_measures", HEADLINE)().measure(aligned(stimuli=9))
    with pytest.raises(InvalidInput, match="9 stimuli"):
        few(direct={"pca_cca": {HEADLINE: short}})
    with pytest.raises(InvalidInput, match="baselines'"):
        report_card({})
    with pytest.raises(InvalidInput, match="zero_shot_target_accuracy"):
        report_card({"model": aligned()}, measures=["zero_shot_target_accuracy"])
    with pytest.raises(UnknownName, match="cross_subject_r"):
        report_card({"model": aligned()}, measures=["cross_subject_rr"])


@pytest.mark.parametrize(
    "absent", ["cross_subject_r_unpaired", "effective_dimension", "untrained", "shuffled_pairing", HEADLINE]
)
def test_the_headline_is_refused_without_what_it_must_be_read_beside(absent: str) -> None:
    kept = {name: row for name, row in rows().items() if name != absent}
    card = ReportCard(report_card(kept, measures=[m for m in FEW if m != absent], draws=20))
    with pytest.raises(InvalidInput, match=f"no {absent}"):
        _ = card.headline
    assert f"there is no {absent}" in card.text()
    if absent != HEADLINE:
        value = card.by_name[HEADLINE].value
        assert f"{value:.3f}" not in card.text() and "withheld" in card.text()


def test_the_card_shows_every_row_and_says_its_warnings() -> None:
    card = ReportCard(few())
    assert card.headline.name == HEADLINE and not card.missing
    said = card.text()
    for shown in ("model", "untrained", "shuffled_pairing", f"{card.headline.value:.3f}", "1.000"):
        assert shown in said
    assert "says nothing about quality" in said and "withheld" not in said and "collapsed, and there" not in said
    assert card.rows == ["model", "untrained", "shuffled_pairing"]
    assert card.value("shuffled_pairing", "cross_subject_r_raw") == pytest.approx(1, abs=1e-3)


def test_a_collapsed_model_is_called_one() -> None:
    beside = {"untrained": aligned(noise=4.0), "shuffled_pairing": aligned(noise=1.0)}
    found = report_card({"model": collapsed(aligned()), **beside}, measures=[*FEW, "zero_shot_behaviour_r2"], draws=50)
    said = ReportCard(found).text()
    for sentence in (
        "the model has collapsed",
        "not above that of the rows untrained and shuffled_pairing",
        "hardly agree",
        "hardly knows",
    ):
        assert sentence in said


def test_one_shared_dimension_is_pointed_out() -> None:
    model = aligned()
    line = np.outer(np.ones(6), np.ones(6)) / 6
    flat = Alignment({n: dataclasses.replace(s, latents=s.latents @ line) for n, s in model.subjects.items()})
    said = ReportCard(report_card({"model": flat}, measures=["effective_dimension"], draws=20)).warnings()
    assert any("one shared signal" in each for each in said)


def test_scores_of_other_kinds_are_passed_over() -> None:
    other = Score("co_bps", "", 0.1, (0.0, 1.0), 3, "higher")
    assert not ReportCard([other]).by_name and not ReportCard([other]).warnings() and not ReportCard([other]).tables()
