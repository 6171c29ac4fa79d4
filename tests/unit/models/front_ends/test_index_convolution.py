"""Front end (a): places of units, pooling and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import neurodyn as nd
from aligned_subjects import built, subject
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.front_ends.index_convolution import IndexConvolution, IndexConvolutionConfig, positions_by_tuning


def front(units: int, parameters: int = 1, **options: object) -> IndexConvolution:
    torch.manual_seed(0)
    made = IndexConvolution(IndexConvolutionConfig(**options), parameters)
    made.add(DataSpec.of(subject(units=units)).only)
    return made.eval()


def test_shapes_for_few_and_many_units() -> None:
    for units in (3, 16, 300):
        made = front(units, parameters=2, bins=16, channels=4)
        features = made.encode(torch.randn(5, 7, units), None, 0)
        assert features.shape == (5, 7, made.width) == (5, 7, 64)
        assert made.decode(features, 0).shape == (5, 7, units, 2)


def test_fewer_units_than_the_convolution_needs_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least 3"):
        built(subject(units=2))


def test_each_place_is_a_mean_of_the_units_near_it() -> None:
    """With a convolution that passes one unit on, features are local means: of a ramp along the axis the places' own centres."""
    made = front(400, spacing="rank")
    with torch.no_grad():
        made.convolution.weight.zero_()
        made.convolution.bias.zero_()
        made.convolution.weight[:, 0, 1, 1] = 1
        ramp = made.positions[0].expand(1, 1, -1)
        found = made.encode(ramp, None, 0).unflatten(2, (4, 16))[0, 0]
    centres = (torch.arange(16) + 0.5) / 16
    torch.testing.assert_close(found[:, 2:-2], centres[2:-2].expand(4, -1), atol=2e-3, rtol=0)


def test_unknown_entries_have_no_effect_and_leave_the_scale() -> None:
    """What is unknown is zero and counts in no mean; a unit that is never known does not pull features to zero."""
    made = front(60)
    with torch.no_grad():
        made.convolution.weight[:, :, :, [0, 2]] = 0  # each unit by itself, so that nothing reaches its neighbours
        made.convolution.bias.zero_()
        known = torch.ones(3, 5, 60, dtype=torch.bool)
        known[..., ::2] = False
        ones = torch.ones(3, 5, 60)
        all_seen, half_seen = made.encode(ones, None, 0), made.encode(ones * known, known, 0)
        without = made.encode(ones, torch.ones_like(known), 0)
    torch.testing.assert_close(without, all_seen, rtol=1e-5, atol=1e-6)
    inner = slice(1, -1)  # of the bins: the convolution reaches over their ends
    torch.testing.assert_close(half_seen[:, inner], all_seen[:, inner], rtol=1e-5, atol=1e-6)


def test_held_out_units_are_decoded_at_their_own_places() -> None:
    """Held-in units come first in a batch, but each unit keeps its place on the axis."""
    trials = subject(units=10, heldin=[0, 1, 3, 4, 6, 8, 9])
    made = IndexConvolution(IndexConvolutionConfig(spacing="rank"), 1)
    made.add(DataSpec.of(trials).only)
    order = np.round(made.positions[0].numpy() * 10 - 0.5).astype(int)
    assert order.tolist() == trials.unit_order.tolist() == [0, 1, 3, 4, 6, 8, 9, 2, 5, 7]


def test_positions_by_tuning_beat_rank_where_there_is_a_map() -> None:
    """Tier T's true places are known: the error halves, nearly. Without a map positions stay near rank."""
    errors = {"tuning": [], "rank": []}
    for seed in range(2):
        for trials in nd.load("multi_subject", seed=seed, stimuli=96, valid=1, test=1)[:6]:
            true = trials.unit_table["x_um"].to_numpy() / 1000
            rank = (np.arange(len(true)) + 0.5) / len(true)
            found = positions_by_tuning(trials.counts)
            assert np.all(np.diff(found) > 0) and found[0] > 0 and found[-1] < 1
            errors["tuning"].append(np.sqrt(np.mean((found - true) ** 2)))
            errors["rank"].append(np.sqrt(np.mean((rank - true) ** 2)))
    assert np.mean(errors["tuning"]) < 0.7 * np.mean(errors["rank"])
    for trials in nd.load("multi_subject", tier="TP", stimuli=96, valid=1, test=1)[:2]:
        rank = (np.arange(trials.units) + 0.5) / trials.units
        assert np.sqrt(np.mean((positions_by_tuning(trials.counts) - rank) ** 2)) < 0.05


def test_silent_units_and_one_trial_have_places_too() -> None:
    assert np.all(np.isfinite(positions_by_tuning(np.zeros((4, 6, 5)))))
    np.testing.assert_allclose(positions_by_tuning(np.zeros((4, 6, 5))), (np.arange(5) + 0.5) / 5)
    one = subject(trials=1, units=5).counts
    assert np.all(np.isfinite(positions_by_tuning(one)))


def test_the_global_generator_is_left_alone() -> None:
    counts = subject().counts
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = positions_by_tuning(counts)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(first, positions_by_tuning(counts))


def test_the_order_of_the_units_matters() -> None:
    """The honest limit: the same population in another order is another input."""
    trials = subject(units=30)
    model = built(trials)
    observed = Batch.of(trials).observed
    activity = model._standard(observed)
    with torch.no_grad():
        mine, other = (model.front_end.encode(a, None, 0) for a in (activity, activity[:, :, torch.randperm(30)]))
    assert float((mine - other).norm() / mine.norm()) > 0.2
