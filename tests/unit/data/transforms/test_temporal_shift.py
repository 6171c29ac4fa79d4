"""Temporal shift moves whole units of a trial."""

import numpy as np
import pytest
import torch
from population_batches import BINS, CASES, FORWARD, HELDIN, batch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.temporal_shift import TemporalShift, TemporalShiftConfig
from neurodyn.data.trials import Trials

SEEN = BINS - FORWARD


def shifted(given: Batch, seed: int = 0, **config: object) -> Batch:
    return TemporalShift(TemporalShiftConfig(**config))(given, torch.Generator().manual_seed(seed))  # type: ignore[arg-type]


def test_shifts_are_whole_normal_and_clipped_and_edges_repeat() -> None:
    ramp = np.broadcast_to(np.arange(30.0)[:, None], (3000, 30, 2))
    after = shifted(Batch.of(Trials.from_arrays(bin_s=0.02, fluorescence=ramp))).targets["fluorescence"]
    shift = 15 - after[:, 15]
    expected = torch.minimum(
        torch.maximum(torch.arange(30)[:, None] - shift[:, None], torch.tensor(0.0)), torch.tensor(29.0)
    )
    assert torch.equal(after, expected)
    assert shift.abs().max() == 6 and shift.mean().abs() < 0.15
    assert shift.std().item() == pytest.approx(2.9, abs=0.1)  # of the clipped and rounded normal law
    assert (shift[:, 0] != shift[:, 1]).float().mean() > 0.8


@pytest.mark.parametrize("case", CASES)
def test_values_come_from_the_same_trial_unit_and_part(case: str) -> None:
    given = batch(case)
    before, out = given.targets["counts"], shifted(given)
    after = out.targets["counts"]
    assert not torch.equal(before, after)
    there = given.mask[..., None] & given.known.get("counts", torch.ones_like(before, dtype=torch.bool))
    assert after[~there].sum() == 0
    for part in (slice(0, SEEN), slice(SEEN, BINS)):
        for trial in range(4):
            for unit in range(before.shape[2]):
                data = there[trial, part, unit]
                assert set(after[trial, part, unit][data].tolist()) <= set(before[trial, part, unit][data].tolist())
    assert torch.equal(out.observed.neural, after[:, :SEEN, :HELDIN])


def test_off_and_independent() -> None:
    given = batch("plain")
    assert shifted(given, deviation=0.0) is given and shifted(given, largest=0) is given
    own = shifted(given, shared=False)
    assert not torch.equal(own.observed.neural, own.targets["counts"][:, :SEEN, :HELDIN])
