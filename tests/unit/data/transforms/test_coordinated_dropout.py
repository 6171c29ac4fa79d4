"""Coordinated dropout hides a share of the input and learns from the hidden share only."""

import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.trials import Trials


def make() -> Batch:
    counts = np.random.default_rng(0).poisson(2.0, (50, 40, 30)) + 1
    return Batch.of(Trials.from_arrays(counts, bin_s=0.02, heldin=np.arange(20), forward=10))


def test_hidden_entries_and_only_they_are_learned() -> None:
    batch = make()
    out = CoordinatedDropout(CoordinatedDropoutConfig(rate=0.3))(batch, torch.Generator().manual_seed(0))
    hidden = out.observed.neural == 0
    weight = out.loss_weight["counts"]
    assert torch.equal(weight[:, :30, :20] == 1, hidden)
    assert weight[:, 30:].min() == 1 and weight[:, :, 20:].min() == 1
    assert hidden.float().mean().item() == pytest.approx(0.3, abs=0.01)
    kept = ~hidden
    assert torch.allclose(out.observed.neural[kept], batch.observed.neural[kept] / 0.7)
    assert out.observed.neural.mean().item() == pytest.approx(batch.observed.neural.mean().item(), rel=0.02)
    assert torch.equal(out.targets["counts"], batch.targets["counts"]) and not batch.loss_weight


def test_pass_rate_and_off() -> None:
    batch = make()
    out = CoordinatedDropout(CoordinatedDropoutConfig(rate=0.3, pass_rate=0.5))(batch, torch.Generator().manual_seed(0))
    assert out.loss_weight["counts"][:, :30, :20].mean().item() == pytest.approx(0.65, abs=0.01)
    assert CoordinatedDropout(CoordinatedDropoutConfig(rate=0.0))(batch, torch.Generator()) is batch


def test_multiplies_what_another_transform_set() -> None:
    batch = make()
    batch.loss_weight["counts"] = torch.full((50, 40, 30), 0.5)  # type: ignore[index]
    out = CoordinatedDropout()(batch, torch.Generator().manual_seed(0))
    assert set(out.loss_weight["counts"].unique().tolist()) == {0.0, 0.5}


def test_over_the_target_hides_training_entries_everywhere() -> None:
    batch = make()
    config = CoordinatedDropoutConfig(rate=0.3, over="target")
    out = CoordinatedDropout(config)(batch, torch.Generator().manual_seed(0))
    weight = out.loss_weight["counts"]
    assert torch.equal(out.observed.neural == 0, weight[:, :30, :20] == 1)
    for part in (weight[:, 30:], weight[:, :, 20:]):  # forward bins, held-out units
        assert part.mean().item() == pytest.approx(0.3, abs=0.02)
