"""Rules are compared where they do the task equally well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurodyn.analysis.matched_similarity import matched_similarity
from neurodyn.errors import InvalidInput
from neurodyn.training.kept import SimilarityOverTraining

STEPS = np.array([0, 10, 20, 40, 80, 160])
ERRORS = np.geomspace(1, 1e-3, len(STEPS))


def made(
    values: np.ndarray, errors: np.ndarray = ERRORS, draws: int = 40, noise: float = 0.0
) -> SimilarityOverTraining:
    """A run with these values at the kept steps; draws move all steps alike."""
    moved = noise * np.random.default_rng(0).normal(size=(draws, 1))
    return SimilarityOverTraining(
        reference="brain",
        steps=STEPS,
        errors=errors,
        error_name="normalised_error",
        measures={"procrustes": "lower"},
        values={"procrustes": values},
        drawn={"procrustes": values + moved},
        baselines={"procrustes": {"cross_condition_average": 0.5}},
        used_lag_s=0.1,
        lags_s=np.array([-0.1, 0.0, 0.1]),
        lags={"procrustes": np.array([0.5, 0.4, 0.3])},
        participation_ratio=np.linspace(8, 3, len(STEPS)),
        reference_participation_ratio=3.3,
    )


FALLING = 0.5 + 0.05 * np.log10(ERRORS)  # a function of the error alone


def test_what_depends_on_the_error_alone_does_not_differ_at_the_same_error() -> None:
    slow = np.geomspace(1, 1e-2, len(STEPS))
    arms = {
        "bptt": {s: made(FALLING, noise=0.01) for s in (0, 1, 2)},
        "eprop": {s: made(0.5 + 0.05 * np.log10(slow), slow, noise=0.01) for s in (0, 1, 2)},
    }
    found = matched_similarity(arms, "bptt", "procrustes")
    assert found.levels[0] == pytest.approx(1) and found.levels[-1] == pytest.approx(1e-2)
    assert np.abs(found.difference["eprop"]).max() < 0.02  # kept steps are interpolated
    mean, low, high = found.overall["eprop"]
    assert low <= mean <= high and abs(mean) < 0.01
    assert high - low < 0.01  # draws are the same conditions and units for both: what they share does not count
    apart = arms["eprop"][0].values["procrustes"][-1] - FALLING[-1]
    assert apart > 0.04  # after training they do differ


def test_a_gap_at_every_error_is_found_with_its_sign() -> None:
    arms = {"bptt": {0: made(FALLING), 1: made(FALLING)}, "eprop": {0: made(FALLING + 0.1), 1: made(FALLING + 0.12)}}
    found = matched_similarity(arms, "bptt", "procrustes", [0.5, 0.01])
    assert found.difference["eprop"] == pytest.approx([0.11, 0.11])
    assert found.values["eprop"].shape == (2, 2)
    mean, low, high = found.overall["eprop"]
    assert 0.09 < low <= mean <= high < 0.13


def test_refusals() -> None:
    arms = {"bptt": {0: made(FALLING)}, "eprop": {0: made(FALLING)}}
    with pytest.raises(InvalidInput, match="reference"):
        matched_similarity(arms, "btpp", "procrustes")
    with pytest.raises(InvalidInput, match="label"):
        matched_similarity(arms, "bptt", "cka")
    with pytest.raises(InvalidInput, match="bptt, seed 0 reaches too"):
        matched_similarity(arms, "bptt", "procrustes", [1e-9])


def test_it_lies_in_a_run_and_is_read_again(tmp_path: Path) -> None:
    import json

    before = made(FALLING, noise=0.1)
    (tmp_path / "analysis").mkdir()
    (tmp_path / SimilarityOverTraining.FILE).write_text(json.dumps(before.as_mapping()))
    after = SimilarityOverTraining.read(tmp_path)
    assert after is not None
    assert after.as_mapping() == before.as_mapping()
    assert SimilarityOverTraining.read(tmp_path / "nothing") is None
