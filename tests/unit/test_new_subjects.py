"""Estimators with subjects that took no part in training: zero-shot, calibrated, saved and loaded."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neurodyn as nd
from aligned_subjects import subject
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

TRAIN: dict[str, Any] = {"steps": 12, "batch_size": 8}


@pytest.fixture(scope="module")
def sessions() -> list[Trials]:
    return nd.load("multi_subject", pairs=1, stimuli=24, valid=4, test=4, shared=6, calibration=6, bins=12)


@pytest.fixture(scope="module")
def fitted(sessions: list[Trials]) -> nd.Estimator:
    return nd.fit("pnba", sessions, hidden=8, size=3, train=TRAIN, progress=False)


def weights(estimator: nd.Estimator) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in estimator.model_.state_dict().items()}


def kept(before: dict[str, torch.Tensor], after: nd.Estimator) -> bool:
    state = after.model_.state_dict()
    return all(torch.equal(value, state[name]) for name, value in before.items())


def test_held_out_subjects_are_known_after_zero_shot(fitted: nd.Estimator, sessions: list[Trials]) -> None:
    new, before = sessions[2:], weights(fitted)
    found = nd.zero_shot(fitted, new)
    assert kept(before, fitted) and kept(before, found)
    assert [s.name for s in fitted.model_.spec.sessions] == ["subject_1", "subject_2"]
    for trials in new:
        inferred = found.transform(trials.test)
        assert inferred.latents.shape == (6, 12, 3) and inferred.rates.shape == trials.test.counts.shape
    by_itself, one = fitted.transform(new[0].test), new[0].test
    assert np.array_equal(by_itself.latents, nd.zero_shot(fitted, one).transform(one).latents)
    known = sessions[0].test
    assert np.array_equal(found.transform(known).latents, fitted.transform(known).latents)


def test_calibration_takes_the_first_calibration_trials_alone(fitted: nd.Estimator, sessions: list[Trials]) -> None:
    new, before = sessions[2:], weights(fitted)
    four, by_hand = (
        nd.calibrate(fitted, new, count=4),
        fitted.calibrate([t.part("calibration").select(range(4)) for t in new]),
    )
    every = fitted.calibrate(new)
    assert kept(before, fitted) and kept(before, four)
    test = new[0].test
    assert np.array_equal(four.transform(test).latents, by_hand.transform(test).latents)
    assert not np.array_equal(four.transform(test).latents, every.transform(test).latents)
    for wrong in (0, 7):
        with pytest.raises(InvalidInput, match="1 to 6"):
            fitted.calibrate(new, count=wrong)


def test_a_calibrated_run_is_loaded_again(fitted: nd.Estimator, sessions: list[Trials], tmp_path: Path) -> None:
    found = fitted.calibrate(sessions[2:], count=5, out=tmp_path / "run")
    again = nd.Estimator.load(tmp_path / "run")
    assert again.model_.config.calibrated == ("subject_3", "subject_4")
    for trials in sessions:
        mine, theirs = (each.transform(trials.test).arrays() for each in (found, again))
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


def test_zero_shot_subjects_are_saved_with_the_run(
    fitted: nd.Estimator, sessions: list[Trials], tmp_path: Path
) -> None:
    found = fitted.zero_shot(sessions[2:])
    found.save(tmp_path / "run")
    again = nd.Estimator.load(tmp_path / "run")
    test = sessions[3].test
    assert np.array_equal(found.transform(test).latents, again.transform(test).latents)


def test_models_that_cannot_are_refused(sessions: list[Trials]) -> None:
    plain = nd.fit("smoothing", subject(trials=12), progress=False)
    with pytest.raises(InvalidInput, match="a model without weights of a session's own"):
        plain.zero_shot(sessions[2:])
    with pytest.raises(InvalidInput, match="a model that can be calibrated"):
        plain.calibrate(sessions[2:])
    own = nd.fit("pnba", sessions, hidden=8, front_end="unit_read_in", train={**TRAIN, "steps": 1}, progress=False)
    with pytest.raises(InvalidInput, match="unit_set"):
        own.zero_shot(sessions[2:])
    assert own.calibrate(sessions[2:]).transform(sessions[2].test).latents.shape == (6, 12, 8)


def test_maps_of_a_new_subject_are_trained_and_nothing_else(sessions: list[Trials]) -> None:
    first, second = sessions[:2]
    fitted = nd.fit("pnba", [first], front_end="unit_read_in", hidden=8, size=3, train=TRAIN, progress=False)
    before = weights(fitted)
    adapted = nd.adapt(fitted, second, train={"steps": 3, "batch_size": 8})
    assert kept(before, fitted) and kept(before, adapted)
    started = fitted.model_.grown(adapted.model_.spec).front_end.read_in[1].weight
    assert not torch.equal(started, adapted.model_.front_end.read_in[1].weight)
    assert np.array_equal(adapted.transform(first.test).latents, fitted.transform(first.test).latents)
    assert np.isfinite(adapted.transform(second.test).latents).all()


def test_nothing_is_trained_of_a_subject_without_weights(fitted: nd.Estimator, sessions: list[Trials]) -> None:
    trials = dataclasses.replace(sessions[0], session="another")
    with pytest.raises(InvalidInput, match="zero_shot"):
        nd.adapt(fitted, trials, train={"steps": 1})
