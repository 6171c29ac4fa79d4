"""Decoders that are told labels of the scored subject: from its own trials, and through canonical correlation with another's."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from alignment_cases import BINS, smooth
from neurodyn import registry
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.card import report_card
from neurodyn.alignment.components import ActivityComponents
from neurodyn.alignment.pca_cca import pca_cca
from neurodyn.alignment.pca_cca_decoding import pca_cca_decoding
from neurodyn.alignment.within_session import within_session
from neurodyn.data.trials import Trials
from neurodyn.decoding.base import r2
from neurodyn.decoding.linear import Linear
from neurodyn.errors import InvalidInput

CONDITIONS, UNITS = 4, 30
LINEAR, TARGET = "zero_shot_behaviour_r2_linear", "zero_shot_target_accuracy"
FAST = (LINEAR, TARGET)


def reaches(lengths: bool = False, column: str = "condition", scored: tuple[str, ...] = ("new",)) -> Alignment:
    """Subjects whose units read the same trajectories, each in its own way; a model whose latents say nothing at all."""
    rng = np.random.default_rng(0)
    paths, readout = smooth(rng, CONDITIONS, BINS, 3), rng.normal(size=(3, 2))

    def trials(name: str, weights: np.ndarray, number: int) -> Trials:
        label = np.arange(number) % CONDITIONS
        z = paths[label] + 0.3 * smooth(rng, number, BINS, 3)
        activity = (z @ weights + 0.5 * rng.normal(size=(number, BINS, UNITS))).astype(np.float32)
        least = rng.integers(12, BINS + 1, number) if lengths else np.full(number, BINS)
        return Trials.from_arrays(
            fluorescence=activity,
            bin_s=0.02,
            behaviour={"hand": z @ readout},
            table=pd.DataFrame({column: [f"to {k}" for k in label], "split": "test"}),
            mask=np.arange(BINS) < least[:, None],
            session=name,
        )

    def blank(name: str, given: Trials, zero_shot: bool) -> AlignedSubject:
        return AlignedSubject(name, given, rng.normal(size=(len(given), BINS, 4)), zero_shot=zero_shot)

    subjects, training, calibration = {}, {}, {}
    for name in ("a", "b", *scored):
        weights = rng.normal(size=(3, UNITS))
        if name in scored:
            calibration[name] = trials(name, weights, 40)
        else:
            training[name] = blank(name, trials(name, weights, 40), False)
        subjects[name] = blank(name, trials(name, weights, 24), name in scored)
    return Alignment(subjects, training, calibration)


def told(alignment: Alignment, name: str, **changed: Any) -> Alignment:
    """The same, but other calibration trials of one subject."""
    other = dataclasses.replace(alignment.calibration[name], **changed)
    return dataclasses.replace(alignment, calibration={**alignment.calibration, name: other})


@pytest.mark.parametrize("make", [within_session, pca_cca_decoding])
@pytest.mark.parametrize("lengths", [False, True])
def test_labels_of_the_subject_tell_what_the_model_does_not(make: Any, lengths: bool) -> None:
    alignment = reaches(lengths)
    found = make(alignment, FAST)
    assert found[LINEAR].value > 0.8 and found[TARGET].value > 0.8
    for score in report_card({"model": alignment}, direct={"row": found}, measures=FAST, draws=100):  # the same rows
        assert score.difference["row"][2] < 0 and "40 " in score.context["beside"]["row"]["supervised"]


def test_within_a_session_is_a_decoder_on_components_of_its_own_trials() -> None:
    alignment = reaches()
    own, scored = alignment.calibration["new"], alignment.subjects["new"].trials
    components = ActivityComponents.fit(own, 4)
    decoder = Linear().fit(components(own), own.behaviour, own.mask)
    expected = r2(scored.behaviour, decoder(components(scored), scored.mask), scored.mask).mean()
    assert within_session(alignment, [LINEAR])[LINEAR].value == pytest.approx(expected)


def test_components_are_the_leading_ones() -> None:
    trials = reaches().calibration["new"]
    wide, narrow = ActivityComponents.fit(trials, UNITS), ActivityComponents.fit(trials, 3)
    spread = wide(trials).reshape(-1, UNITS).var(0)
    assert (np.diff(spread) <= 1e-9).all()
    np.testing.assert_allclose(narrow(trials).reshape(-1, 3).var(0), spread[:3], rtol=1e-3)
    np.testing.assert_allclose(narrow.axes.T @ narrow.axes, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("make", [within_session, pca_cca_decoding])
def test_what_is_learnt_comes_from_calibration_trials_alone(make: Any) -> None:
    alignment = reaches()
    order = np.random.default_rng(0).permutation(40)
    own = alignment.calibration["new"]
    moved = told(alignment, "new", signals={**own.signals, "fluorescence": own.neural.select(order)})
    assert make(moved, [LINEAR])[LINEAR].value < 0.3
    s = alignment.subjects["new"]
    values = dataclasses.replace(s.trials.signals["hand"], values=-s.trials.signals["hand"].values)
    turned = dataclasses.replace(s.trials, signals={**s.trials.signals, "hand": values})
    other = alignment.with_subjects({**alignment.subjects, "new": dataclasses.replace(s, trials=turned)})
    assert make(other, [LINEAR])[LINEAR].value < -1  # the scored behaviour was turned round, and no decoder saw it


def test_a_subject_without_other_trials_is_halved() -> None:
    alignment = dataclasses.replace(reaches(), calibration={})
    found = within_session(alignment, FAST)
    assert found[LINEAR].value > 0.7 and found[TARGET].value > 0.7
    assert found[LINEAR].context["supervised"] == "fitted to the other half of the 24 scored trials of new"
    assert pca_cca_decoding(alignment) == {}
    few = alignment.subjects["new"]
    short = AlignedSubject("new", few.trials.select(np.arange(3)), few.latents[:3], zero_shot=True)
    with pytest.raises(InvalidInput, match="at least 4 to halve"):
        within_session(alignment.with_subjects({"new": short}))


def test_what_own_trials_do_not_hold_is_not_told() -> None:
    alignment = reaches()
    own = alignment.calibration["new"]
    mute = told(alignment, "new", signals={"fluorescence": own.neural})
    assert set(within_session(mute, FAST)) == {TARGET}
    unnamed = told(alignment, "new", table=own.table.drop(columns="condition"))
    assert set(within_session(unnamed, FAST)) == {LINEAR} and pca_cca_decoding(unnamed, FAST) == {}


def test_trials_of_one_stimulus_stay_in_one_half() -> None:
    alignment = dataclasses.replace(reaches(column="stimulus"), calibration={})
    found = within_session(alignment, [LINEAR])[LINEAR]  # two stimuli tell of the two others
    assert len(found.sums) == CONDITIONS and found.over == "stimuli"
    assert found.value < within_session(dataclasses.replace(reaches(), calibration={}), [LINEAR])[LINEAR].value


def test_training_subjects_are_averaged_over() -> None:
    alignment = reaches()
    each = [
        pca_cca_decoding(dataclasses.replace(alignment, training={n: s}), FAST) for n, s in alignment.training.items()
    ]
    both = pca_cca_decoding(alignment, FAST)
    for name in FAST:
        assert both[name].value == pytest.approx(np.mean([found[name].value for found in each]))
    assert set(both[LINEAR].context["by_subject"]) == {"new, taught by a", "new, taught by b"}


def test_subjects_that_share_nothing_have_no_canonical_correlation() -> None:
    alignment = reaches(scored=("new", "other"))
    assert set(pca_cca_decoding(alignment, FAST)) == set(FAST)
    table = alignment.calibration["new"].table
    apart = told(alignment, "new", table=table.assign(condition="elsewhere " + table["condition"]))
    assert pca_cca_decoding(apart, FAST) == {}  # a row that lacks a subject would not be on the model's rows
    assert set(within_session(alignment, FAST)) == set(FAST)


def test_only_what_is_asked_for_is_made() -> None:
    alignment = reaches()
    for make in (within_session, pca_cca_decoding):
        assert set(make(alignment, [TARGET, "cross_subject_r"])) == {TARGET}
        assert make(alignment, ["cross_subject_r"]) == {}
    assert pca_cca(alignment, FAST) == {}


@pytest.mark.slow
def test_every_decoder_has_its_place() -> None:
    alignment = reaches()
    names = [
        n for n in registry.names("alignment_measures") if n.startswith("zero_shot") and n != "zero_shot_behaviour_r2"
    ]
    for make in (within_session, pca_cca_decoding):
        found = make(alignment)
        assert sorted(found) == sorted(names) and min(each.value for each in found.values()) > 0.7


def test_decoders_are_shared_by_rows_with_the_same_training_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = []
    fit = Linear.fit
    monkeypatch.setattr(Linear, "fit", lambda *given, **more: fits.append(1) or fit(*given, **more))
    alignment = reaches()
    measure = registry.load("alignment_measures", LINEAR)()
    again = alignment.with_subjects(alignment.subjects)
    assert measure.measure(alignment).value == measure.measure(again).value and len(fits) == 1
    fewer = {n: dataclasses.replace(s, latents=s.latents * [1, 1, 1, 0]) for n, s in alignment.subjects.items()}
    measure.measure(alignment.with_subjects(fewer))  # another set of active dimensions
    measure.measure(Alignment(alignment.subjects, alignment.training))
    assert len(fits) == 3
