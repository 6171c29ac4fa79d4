"""Spike jitter moves spikes a little and loses none."""

import numpy as np
import pytest
import torch
from population_batches import BINS, CASES, FORWARD, HELDIN, batch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.spike_jitter import SpikeJitter, SpikeJitterConfig
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

SEEN = BINS - FORWARD


def jittered(given: Batch, seed: int = 0, **config: object) -> Batch:
    return SpikeJitter(SpikeJitterConfig(**config))(given, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [1, 2, 7, 100])
def test_counts_of_every_trial_and_unit_are_kept_where_there_is_data(case: str, width: int) -> None:
    given = batch(case)
    before, moved = given.targets["counts"], jittered(given, width=width)
    after = moved.targets["counts"]
    assert not torch.equal(before, after)
    for part in (slice(0, SEEN), slice(SEEN, BINS)):  # forward bins are not shown to the encoder, and keep their own
        torch.testing.assert_close(after[:, part].sum(1), before[:, part].sum(1))
    there = given.mask[..., None] & given.known.get("counts", torch.ones_like(before, dtype=torch.bool))
    assert after[~there].sum() == 0 and after.dtype == before.dtype
    assert torch.equal(moved.observed.neural, after[:, :SEEN, :HELDIN])
    assert torch.equal(given.targets["counts"], Batch.of(CASES[case]).targets["counts"]), (
        "the one given is left as it is"
    )


def test_every_distance_is_as_likely_and_spikes_of_a_bin_part() -> None:
    counts = np.zeros((4000, 9, 1), int)
    counts[:, 4] = 5
    moved = jittered(Batch.of(Trials.from_arrays(counts, bin_s=0.02)), width=2).targets["counts"]
    share = moved.sum((0, 2)) / 20000
    assert share[[0, 1, 7, 8]].sum() == 0
    torch.testing.assert_close(share[2:7], torch.full((5,), 0.2), atol=0.015, rtol=0)
    assert (moved.max(1).values < 5).any()


@pytest.mark.parametrize(("at", "shares"), [(0, [0.2, 0.4, 0.4, 0]), (1, [0.2, 0.4, 0.2, 0.2])])
def test_spikes_are_reflected_at_both_ends_of_the_data(at: int, shares: list[float]) -> None:
    counts = np.zeros((6000, 12, 2), int)
    mask = np.ones((6000, 12), bool)
    mask[:, :2], mask[:, 10:] = False, False
    counts[:, 2 + at, 0], counts[:, 9 - at, 1] = 1, 1
    moved = jittered(Batch.of(Trials.from_arrays(counts, bin_s=0.02, mask=mask)), width=2).targets["counts"].mean(0)
    torch.testing.assert_close(moved[2:6, 0], torch.tensor(shares), atol=0.03, rtol=0)
    torch.testing.assert_close(moved[6:10, 1].flip(0), torch.tensor(shares), atol=0.03, rtol=0)


def test_width_zero_is_the_identity_and_draws_differ() -> None:
    given = batch("plain")
    assert jittered(given, width=0) is given
    assert torch.equal(jittered(given, 1).targets["counts"], jittered(given, 1).targets["counts"])
    assert not torch.equal(jittered(given, 1).targets["counts"], jittered(given, 2).targets["counts"])


@pytest.mark.parametrize("case", CASES)
def test_encoder_and_target_may_be_moved_independently(case: str) -> None:
    given = batch(case)
    moved = jittered(given, shared=False)
    seen, target = moved.observed.neural, moved.targets["counts"][:, :SEEN, :HELDIN]
    assert not torch.equal(seen, target)
    torch.testing.assert_close(seen.sum(1), target.sum(1))


def test_silence_stays_silence() -> None:
    given = Batch.of(Trials.from_arrays(np.zeros((3, 6, 2), int), bin_s=0.02))
    assert jittered(given).targets["counts"].sum() == 0


def test_fluorescence_is_refused() -> None:
    trials = Trials.from_arrays(bin_s=0.02, fluorescence=np.ones((3, 6, 2)))
    with pytest.raises(InvalidInput, match=r"train\.transforms: got spike_jitter on fluorescence"):
        SpikeJitter().prepare([trials])
