"""Coordinated dropout hides a share of the input and learns from the hidden share only."""

import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout, CoordinatedDropoutConfig
from neurodyn.data.trials import Trials
from neurodyn.models.base import Output
from neurodyn.models.mean_rate import MeanRate, MeanRateConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig

TRIALS = Trials.from_arrays(
    np.random.default_rng(0).poisson(2.0, (50, 40, 30)) + 1, bin_s=0.02, heldin=np.arange(20), forward=10
)


def make() -> Batch:
    return Batch.of(TRIALS)


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


@pytest.mark.parametrize("keep", [0.3, 0.5, 0.6])
def test_langevin_flow_passes_as_much_as_it_hides(keep: float) -> None:
    """Its release keeps an entry with probability p and passes it with 1 − p: of the seen part 1 − p² has a gradient, exactly where an entry is hidden or passed."""
    batch = make()
    config = CoordinatedDropoutConfig(rate=1 - keep, pass_rate=1 - keep)
    out = CoordinatedDropout(config)(batch, torch.Generator().manual_seed(0))
    weight = out.loss_weight["counts"]
    log_rates = torch.zeros(50, 40, 30, 1, requires_grad=True)
    model = MeanRate(MeanRateConfig(), DataSpec.of(TRIALS))
    ELBO(ELBOConfig(), model)(Output({"counts": log_rates}), out, Step()).total.backward()
    assert log_rates.grad is not None
    gradient = log_rates.grad[..., 0]
    due = batch.targets["counts"] != 1  # exp(0) − y is 0 at a count of 1
    assert torch.equal((gradient != 0) & due, (weight == 1) & due)
    entries = 50 * 30 * 20
    share = weight[:, :30, :20].mean().item()
    assert abs(share - (1 - keep**2)) < 3 * (keep**2 * (1 - keep**2) / entries) ** 0.5
    hidden = (out.observed.neural == 0).float()
    assert (hidden.mean().item() - (1 - keep)) ** 2 < 9 * keep * (1 - keep) / entries
    visible = ((weight[:, :30, :20] == 1) & (hidden == 0)).float().sum() / (weight[:, :30, :20] == 1).sum()
    assert visible.item() == pytest.approx(keep / (1 + keep), abs=0.015)
    assert out.observed.neural.mean().item() == pytest.approx(batch.observed.neural.mean().item(), rel=0.03)
