"""Masking: how much is hidden, what stands there, and what is learned from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.data.transforms.masking import Masking, MaskingConfig
from neurodyn.errors import InvalidInput


def batch(
    trials: int = 64, bins: int = 140, units: int = 5, heldin: int = 4, forward: int = 10, rate: float = 2.0
) -> Batch:
    counts = np.random.default_rng(0).poisson(rate, (trials, bins + forward, units))
    return Batch.of(nd.Trials.from_arrays(counts, bin_s=0.02, heldin=range(heldin), forward=forward))


def drawn(config: MaskingConfig, given: Batch, seed: int = 0, epoch: int = 0) -> Batch:
    masking = Masking(config)
    masking.begin(epoch, lambda _: torch.zeros(()))
    return masking(given, torch.Generator().manual_seed(seed))


def masked_share(found: Batch) -> float:
    weight = found.loss_weight["counts"]
    return float(weight[:, : found.observed.neural.shape[1], : found.observed.neural.shape[2]].mean())


@pytest.mark.parametrize("width, expected", [(1, 0.2500), (2, 0.2344), (3, 0.2297), (5, 0.2262), (7, 0.2248)])
def test_the_share_masked_is_that_of_the_span(width, expected):
    given, shares = batch(trials=200, bins=2000, forward=0), []
    masking = Masking(MaskingConfig(longest_span=width))
    for seed in range(12 * width):
        generator = torch.Generator().manual_seed(seed)
        drawn_width = 1 + int(torch.rand(2, generator=generator)[1] * width)
        if drawn_width == width:
            shares.append(masked_share(masking(given, torch.Generator().manual_seed(seed))))
    assert len(shares) > 3
    edges = 2 * width / 2000  # bins at the ends have fewer neighbours to grow from
    assert abs(np.mean(shares) - expected) < 0.001 + 0.25 * edges


def test_a_masked_bin_hides_all_units_and_is_learned_from():
    given = batch()
    found = drawn(MaskingConfig(ratio=0.4), given)
    hidden = found.observed.hidden
    assert hidden.all(2).eq(hidden.any(2)).all() and 0.3 < hidden.float().mean() < 0.5
    assert (found.observed.neural[hidden] == 0).all()
    assert torch.equal(found.observed.neural[~hidden], given.observed.neural[~hidden])
    weight = found.loss_weight["counts"]
    assert torch.equal(weight[:, :140, :4] > 0, hidden)
    assert (weight[:, :, 4:] == 1).all() and (weight[:, 140:] == 1).all()  # held-out units and forward bins always
    assert torch.equal(found.targets["counts"], given.targets["counts"]) and given.observed.hidden is None


@pytest.mark.parametrize("over, same", [("entry", ()), ("unit", (1,)), ("shared_bin", (0, 2)), ("bin", (2,))])
def test_what_is_masked_together(over, same):
    hidden = drawn(MaskingConfig(over=over, ratio=0.3), batch(trials=100)).observed.hidden
    assert abs(hidden.float().mean() - 0.3) < 0.06
    for axis in range(3):
        alike = bool((hidden == hidden.narrow(axis, 0, 1)).all())
        assert alike == (axis in same)


def test_what_is_not_hidden_is_replaced_or_left():
    given = batch()
    found = drawn(MaskingConfig(ratio=0.5, zero=0.6, random=0.5), given)
    masked = found.loss_weight["counts"][:, :140, :4] > 0
    hidden, seen = found.observed.hidden, found.observed.neural
    assert abs(float(hidden.sum() / masked.sum()) - 0.6) < 0.03 and (hidden <= masked).all()
    rest = masked & ~hidden
    anew = rest & (seen != given.observed.neural)
    assert (seen[anew] < seen.max()).all() and torch.equal(seen[~masked], given.observed.neural[~masked])
    changed = float(anew.sum() / rest.sum())
    assert 0.3 < changed < 0.5  # half are drawn anew; some of those at the same count
    assert torch.equal(seen, seen.floor())


def test_a_silent_batch_is_masked_too():
    found = drawn(MaskingConfig(zero=0.0, random=1.0), batch(rate=0.0))
    assert (found.observed.neural == 0).all()


def test_spans_come_with_the_epochs():
    config = MaskingConfig(ratio=0.2, longest_span=9, span_start=10, span_end=20)
    given = batch(trials=50)

    def longest(epoch: int) -> int:
        runs = []
        for seed in range(20):
            hidden = drawn(config, given, seed, epoch).observed.hidden[..., 0].float()
            first = (hidden[:, 1:] > hidden[:, :-1]).sum().clamp_min(1)
            runs.append(float(hidden.sum() / first))
        return np.mean(runs)

    assert longest(10) < 1.5 < longest(15) < longest(30)


def test_none_masks_nothing():
    given = batch()
    assert drawn(MaskingConfig(ratio=0.0), given) is given


@pytest.mark.parametrize("changes", [{"over": "unit", "longest_span": 3}, {"span_start": 5, "span_end": 2}])
def test_bad_settings_are_refused(changes):
    with pytest.raises(InvalidInput, match="masking"):
        MaskingConfig(**changes)
