"""The data set of training subjects in stimulus pairs and two subjects that are held out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.training.partition import partition


def load(**options: Any) -> list[Trials]:
    sizes = {"pairs": 2, "stimuli": 40, "valid": 6, "test": 5, "shared": 8, "calibration": 7}
    return nd.load("multi_subject", **{**sizes, **options})


def stimuli(trials: Trials, split: str) -> list[str]:
    return trials.part(split).table["stimulus"].tolist()


def test_defaults_are_those_of_the_specification() -> None:
    sessions = nd.load("multi_subject")
    assert len(sessions) == 8
    assert all(len(t.train) == 192 and t.bins == 24 and 48 <= t.units <= 96 for t in sessions[:6])
    assert all(len(t.test) == 64 and len(t.part("calibration")) == 64 for t in sessions[6:])
    assert all(
        len(np.unique([*stimuli(a, "train"), *stimuli(b, "train")])) == 192
        for a, b in zip(sessions[:6:2], sessions[1:6:2])
    )


def test_stimuli_are_shared_within_pairs_and_by_the_held_out_subjects_and_by_no_others() -> None:
    sessions = load()
    assert [t.session for t in sessions] == [f"subject_{k}" for k in range(1, 7)]
    for split in ("train", "valid", "test"):
        first, second, third, fourth = (set(stimuli(t, split)) for t in sessions[:4])
        assert first == second and third == fourth and not first & third
    fifth, sixth = sessions[4:]
    assert stimuli(fifth, "test") == stimuli(sixth, "test") and len(set(stimuli(fifth, "test"))) == 8
    assert not set(stimuli(fifth, "calibration")) & set(stimuli(sixth, "calibration"))
    training = {s for t in sessions[:4] for s in t.table["stimulus"]}
    assert not training & {*fifth.table["stimulus"], *sixth.table["stimulus"]}


def test_one_stimulus_is_one_trajectory() -> None:
    for first, second in ((0, 1), (2, 3)):
        a, b = (load()[k] for k in (first, second))
        np.testing.assert_array_equal(a.truth["latents"], b.truth["latents"])
    fifth, sixth = load()[4:]
    np.testing.assert_array_equal(fifth.test.truth["latents"], sixth.test.truth["latents"])
    private = fifth.part("calibration").truth["latents"], sixth.part("calibration").truth["latents"]
    assert not np.isclose(private[0], private[1]).any()


def test_training_stimuli_scale_the_latents_of_all() -> None:
    sessions = load(stimuli=192, shared=200)
    training = np.concatenate([t.train.truth["latents"] for t in sessions[:4:2]])
    np.testing.assert_allclose(training.std((0, 1)), 1, rtol=1e-9)
    new = sessions[4].test.truth["latents"]
    np.testing.assert_allclose(new.std((0, 1)), 1, rtol=0.2)
    assert not np.allclose(new.std((0, 1)), 1, rtol=1e-6), "by constants of training"


def test_counts_are_poisson_of_the_true_rates_and_behaviour_is_the_same_map_in_all() -> None:
    sessions = load(stimuli=200)
    for trials in (sessions[0], sessions[4]):
        residual = (trials.counts - trials.truth["rates"]) / np.sqrt(trials.truth["rates"])
        assert residual.mean() == pytest.approx(0, abs=0.02) and residual.var() == pytest.approx(1, abs=0.05)
    maps = []
    for trials in (sessions[0], sessions[3]):
        z, movement = trials.truth["latents"].reshape(-1, 4), trials.signals["movement"].values.reshape(-1, 4)
        inside = np.abs(movement).max(1) < 0.9
        maps.append(np.linalg.lstsq(z[inside], np.arctanh(movement[inside]), rcond=None)[0])
        noise = movement - np.tanh(z @ maps[-1])
        assert noise.std() == pytest.approx(0.05, rel=0.2)
    np.testing.assert_allclose(maps[0], maps[1], atol=0.03)


@pytest.mark.parametrize("tier", ["T", "TP", "R", "G"])
def test_places_are_told_where_there_is_a_map_and_asked_for(tier: str) -> None:
    given, hidden = load(tier=tier)[0], load(tier=tier, positions=False)[0]
    assert ("x_um" in given.unit_table) == (tier in ("T", "TP")) and "x_um" not in hidden.unit_table
    np.testing.assert_array_equal(given.counts, hidden.counts)
    if tier == "T":
        assert np.all(np.diff(given.unit_table["x_um"]) > 0)
    elif tier == "TP":
        assert not np.all(np.diff(given.unit_table["x_um"]) > 0)


def test_the_seed_decides_everything_and_sizes_do_not_change_what_comes_first() -> None:
    first, again, other = load(seed=3), load(seed=3), load(seed=4)
    for mine, same, different in zip(first, again, other):
        np.testing.assert_array_equal(mine.counts, same.counts)
        np.testing.assert_array_equal(mine.signals["movement"].values, same.signals["movement"].values)
        assert mine.counts.shape != different.counts.shape or not np.array_equal(mine.counts, different.counts)


def test_training_takes_the_first_and_puts_the_last_two_aside() -> None:
    parts = partition(load(), None, 0)
    assert [t.session for t in parts.unseen] == ["subject_5", "subject_6"]
    assert [len(t) for t in parts.train] == [40] * 4 and [len(t) for t in parts.valid] == [6] * 4


@pytest.mark.parametrize("wrong", [{"tier": "X"}, {"pairs": 0}, {"shared": 1}, {"bins": 0}, {"seed": -1}])
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="data"):
        load(**wrong)
