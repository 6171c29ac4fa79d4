"""Subjects, active dimensions and rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from alignment_cases import aligned, collapsed
from neurodyn.alignment.base import Alignment
from neurodyn.errors import InvalidInput


def changed(alignment: Alignment, **given: object) -> Alignment:
    return Alignment({n: dataclasses.replace(s, **given) for n, s in alignment.subjects.items()}, alignment.training)


def test_dimensions_that_the_posterior_drowns_are_not_active() -> None:
    alignment = aligned(variance=1.0)
    scale = np.array([1, 1, 0.05, 1, 0.05, 1])
    some = Alignment({n: dataclasses.replace(s, latents=s.latents * scale) for n, s in alignment.subjects.items()})
    np.testing.assert_array_equal(some.active, scale == 1)  # 1.25 × 0.05² is below 1 % of 1
    assert some.active_said == "4 of 6 latent dimensions"
    assert not collapsed(alignment).active.any()


def test_without_variances_whatever_varies_is_active() -> None:
    alignment = aligned(variance=None)
    constant = [
        dataclasses.replace(s, latents=np.where(np.arange(6) == 2, np.float32(0.1), s.latents * 1e-4))
        for s in alignment.subjects.values()
    ]
    found = Alignment({s.name: s for s in constant})
    np.testing.assert_array_equal(found.active, np.arange(6) != 2)


def test_zero_shot_subjects_are_scored_where_there_are_any() -> None:
    alignment = aligned()
    b = dataclasses.replace(alignment.subjects["b"], zero_shot=False)
    assert [s.name for s in Alignment({**alignment.subjects, "b": b}).scored] == ["c"]
    assert [s.name for s in changed(alignment, zero_shot=False).scored] == ["b", "c"]


def test_rows_are_stimuli_or_else_trials() -> None:
    stimuli, conditions = aligned(), aligned(column="condition")
    assert stimuli.over == "stimuli" and conditions.over == "trials"
    assert set(stimuli.rows["b"]) == set(stimuli.rows["c"]) and len(set(stimuli.rows["b"])) == 24
    assert not set(conditions.rows["b"]) & set(conditions.rows["c"])


def test_a_missing_label_is_empty_and_whole_numbers_stay_themselves() -> None:
    s = aligned(column="condition").subjects["b"]
    numbers = pd.DataFrame({"condition": np.where(np.arange(24) == 3, np.nan, np.arange(24))})
    trials = dataclasses.replace(s.trials, table=numbers)
    labels = dataclasses.replace(s, trials=trials).labels("condition")
    assert labels[:5].tolist() == ["0", "1", "2", "", "4"]
    assert set(s.labels("stimulus")) == {""}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"latents": np.zeros((3, 20, 6))}, "shape"),
        ({"latents": np.zeros((24, 21, 6))}, "up to 20"),
        ({"latents": np.full((24, 20, 6), np.nan)}, "not finite at trial 0, bin 0"),
        ({"latent_variance": np.full((24, 20, 6), -1.0)}, "below zero"),
        ({"beside": {"behaviour": np.zeros((24, 20, 2))}}, "as the latents"),
    ],
)
def test_wrong_arrays_are_named(given: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        dataclasses.replace(aligned().subjects["b"], **given)


def test_subjects_must_be_there_and_have_as_many_latents() -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        Alignment({})
    s = aligned(beside=False, variance=None).subjects["b"]
    with pytest.raises(InvalidInput, match="as many in every subject"):
        Alignment({"b": s, "c": dataclasses.replace(s, name="c", latents=s.latents[..., :2])})
