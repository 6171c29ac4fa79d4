"""What stands in for a model: it sees no more than a model does, and knows where data end."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.metrics._stand_ins import stand_ins
from neurodyn.metrics.base import Evaluation

BINS, FORWARD = 30, 4


def one_split(counts: np.ndarray, mask: np.ndarray | None = None, **truth: np.ndarray) -> Evaluation:
    trials = Trials.from_arrays(counts, bin_s=0.02, mask=mask, heldin=[0, 2], forward=FORWARD, truth=truth)
    return Evaluation({"test": trials}, {"test": Inference(0.02, latents=np.zeros((len(counts), BINS, 1), np.float32))})


def smoothed(evaluation: Evaluation) -> np.ndarray:
    found = stand_ins(evaluation, "latents")["smoothed_spikes"].inferred["test"].latents
    assert found is not None
    return found


def test_a_constant_count_stays_so_up_to_the_edges_of_every_trial() -> None:
    mask = np.arange(BINS) < np.array([[BINS], [9]])
    counts = np.where(mask[..., None], [3, 5, 1], 200)
    found = smoothed(one_split(counts, mask))
    np.testing.assert_allclose(found, np.broadcast_to([3, 1], found.shape), rtol=1e-4)


def test_a_spike_becomes_a_gaussian_of_80_ms() -> None:
    counts = np.zeros((1, BINS, 3), int)
    counts[0, 13] = 1
    found = smoothed(one_split(counts))[0, :, 0]
    assert found[17] / found[13] == pytest.approx(
        np.exp(-0.5), rel=0.03
    )  # the weights of few bins near the edge sum to 1, too
    assert found.argmax() == 13


def test_held_out_units_and_forward_bins_are_not_seen() -> None:
    counts = np.random.default_rng(0).poisson(2, (5, BINS, 3))
    other = counts.copy()
    other[..., 1] += 7
    other[:, -FORWARD:] += 7
    np.testing.assert_array_equal(smoothed(one_split(counts)), smoothed(one_split(other)))
    assert smoothed(one_split(counts)).shape == (5, BINS, 2)


def test_quadratic_accounts_differentiate_inside_the_mask_only() -> None:
    time = np.arange(BINS) * np.ones((2, 1))
    latents = np.stack([time, time**2], 2)
    mask = (time >= 2) & (time < np.array([[BINS], [12]]))
    spoiled = np.where(mask[..., None], latents, np.nan)
    found = stand_ins(one_split(np.ones((2, BINS, 3), int), mask, latents=spoiled), "inputs")["true_latents_quadratic"]
    values = found.inferred["test"].inputs
    assert values is not None and values.shape == (2, BINS, 2 + 2 + 3)
    np.testing.assert_allclose(values[1, 2:12, 2], 1)
    np.testing.assert_allclose(values[1, 3:11, 3], 2 * time[1, 3:11])
    np.testing.assert_allclose(values[1, [2, 11], 3], [5, 21])
    np.testing.assert_allclose(values[0, 5, 4:], [25, 125, 625])


@pytest.mark.parametrize("what", ["latents", "inputs", "rates"])
def test_stand_ins_that_the_trials_cannot_make_are_left_out(what: str) -> None:
    e = one_split(np.ones((2, BINS, 3), int))
    bare = Evaluation(e.trials, {"test": dataclasses.replace(e.inferred["test"], latents=None)})
    assert set(stand_ins(bare, what)) == {"smoothed_spikes"}
