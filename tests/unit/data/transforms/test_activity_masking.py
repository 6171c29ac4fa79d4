"""Masking of entries: what is hidden, what is replaced, and what is learned from."""

import numpy as np
import pytest
import torch
from population_batches import CASES, FORWARD, HELDIN

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.activity_masking import ActivityMasking, ActivityMaskingConfig
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def fluorescence(trials: int = 60, bins: int = 50, units: int = 20) -> Trials:
    values = np.random.default_rng(0).normal(size=(trials, bins, units)) * 2 + 3
    return Trials.from_arrays(fluorescence=values, bin_s=0.25)


def masked(trials: Trials, seed: int = 0, **options: object) -> tuple[Batch, Batch]:
    transform = ActivityMasking(ActivityMaskingConfig(**options))  # type: ignore[arg-type]
    transform.prepare([trials])
    batch = Batch.of(trials)
    return batch, transform(batch, torch.Generator().manual_seed(seed))


def test_shares_are_as_asked_for() -> None:
    """25 % of the entries; of these 80 % hidden, 10 % noise of the neuron's own mean and s.d., 10 % as they were."""
    before, after = masked(fluorescence(), always="nothing")
    weight, hidden = after.loss_weight["fluorescence"] > 0, after.observed.hidden
    assert hidden is not None and bool((weight | ~hidden).all())
    changed = (after.observed.neural != before.observed.neural) & ~hidden
    assert bool((weight | ~changed).all()) and bool((after.observed.neural[hidden] == 0).all())
    shares = [part.float().mean().item() for part in (weight, hidden, changed)]
    assert shares == pytest.approx([0.25, 0.2, 0.025], abs=0.005)
    noise = after.observed.neural[changed]
    assert [noise.mean().item(), noise.std().item()] == pytest.approx([3.0, 2.0], abs=0.15)
    assert torch.equal(after.targets["fluorescence"], before.targets["fluorescence"])


def test_the_last_bin_or_as_released_the_last_unit_is_always_learned_from() -> None:
    _, last_bin = masked(fluorescence(), ratio=0.0)
    weight = last_bin.loss_weight["fluorescence"]
    assert bool((weight[:, -1] == 1).all()) and not bool(weight[:, :-1].any())
    _, last_unit = masked(fluorescence(), ratio=0.0, always="last_unit")
    weight = last_unit.loss_weight["fluorescence"]
    assert bool((weight[..., -1] == 1).all()) and not bool(weight[..., :-1].any())


def test_the_last_bin_is_that_of_each_trial() -> None:
    before, after = masked(CASES["ragged"], ratio=0.0)
    weight = after.loss_weight["counts"][:, :-FORWARD, :HELDIN]
    last = [int(torch.nonzero(row.any(1)).max()) for row in weight]
    assert last == [int(torch.nonzero(row).max()) for row in before.observed.mask]


def test_what_is_hidden_anyway_is_learned_from_and_noise_of_counts_is_counts() -> None:
    before, after = masked(CASES["unknown"], zero=0.0, random=1.0)
    weight = after.loss_weight["counts"]
    assert bool((weight[:, -FORWARD:] == 1).all()) and bool((weight[..., HELDIN:] == 1).all())
    seen = after.observed.neural
    assert torch.equal(seen, seen.round()) and bool((seen >= 0).all()) and not torch.equal(seen, before.observed.neural)
    unknown = before.observed.hidden
    assert unknown is not None and bool((seen[unknown] == 0).all())
    assert after.observed.hidden is not None and bool((after.observed.hidden | ~unknown).all())
    assert bool((seen[~before.observed.mask] == 0).all())


def test_impossible_shares_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"activity_masking.zero"):
        ActivityMaskingConfig(zero=1.5)
