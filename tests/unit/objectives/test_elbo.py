"""The evidence lower bound: ramps, scales, and what coordinated dropout does to value and gradient."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Losses, Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig, ramp
from neurodyn.observations.poisson import Poisson


class Stand(Model):
    """Stands for a model: an objective asks it for observations only."""

    def __init__(self, kind: type[Poisson] = Poisson) -> None:
        super().__init__(None, DataSpec(()))
        self.kind = kind

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        raise AssertionError("an objective never calls the model")

    def observation(self, signal: str) -> Poisson:
        return self.kind()


class Verbose(Poisson):
    """Poisson under another class: takes the general path."""


def batch(mask: np.ndarray | None = None) -> Batch:
    counts = np.random.default_rng(0).poisson(0.7, (6, 5, 4))
    return Batch.of(Trials.from_arrays(counts, bin_s=0.02, mask=mask))


def losses(given: Batch, eta: Tensor, epoch: int = 500, kind: type[Poisson] = Poisson, **config: object) -> Losses:
    out = Output({"counts": eta[..., None]}, kl={"inputs": torch.full((6,), 3.0)}, penalty={"l2": torch.tensor(2.0)})
    return ELBO(ELBOConfig(**config), Stand(kind))(out, given, Step(epoch))


def test_ramp() -> None:
    assert [ramp(e, 0, 80) for e in (0, 39, 80, 200)] == [1 / 81, 40 / 81, 1, 1]
    assert [ramp(e, 10, 80) for e in (9, 10)] == [0, 1 / 81]


def test_terms_and_scales() -> None:
    given, eta = batch(), torch.zeros(6, 5, 4)
    made = losses(given, eta, kl_scale=0.1, l2_scale=10.0, loss_scale=2.0)
    assert made.terms["counts_nll"].item() == pytest.approx(1.0)  # exp(0) − y · 0
    assert made.total.item() == pytest.approx(2 * (1 + 0.3 + 20))
    assert losses(given, eta, epoch=0, loss_scale=1.0).total.item() == pytest.approx(1 + (3e-5 + 2) / 81)
    assert losses(given, eta, reduce="sum", loss_scale=1.0, l2_scale=0.0).total.item() == pytest.approx(20 + 3e-5)
    bound = losses(given, eta, kl_scale=1.0, kl_unit="bound", l2_scale=0.0, loss_scale=1.0)
    assert bound.total.item() == pytest.approx(1 + 3 / 20)
    summed = losses(given, eta, kl_scale=1.0, kl_unit="bound", reduce="sum", l2_scale=0.0, loss_scale=1.0)
    assert summed.total.item() == pytest.approx(20 + 3)  # the same bound, times the entries of a trial
    mask = np.ones((6, 5), bool)
    mask[:3, 3:] = False  # 16 entries a trial count on average
    masked = losses(batch(mask), eta, kl_scale=1.0, kl_unit="bound", l2_scale=0.0, loss_scale=1.0)
    assert masked.total.item() == pytest.approx(1 + 3 / 16)
    named = losses(given, eta, kl_scale=1.0, kl_scales={"inputs": 0.0}, l2_scale=0.0, loss_scale=1.0)
    assert named.total.item() == pytest.approx(1.0)


@pytest.mark.parametrize("observation", [Poisson, Verbose])
def test_a_loss_weight_scales_gradients_and_leaves_the_value(observation: type[Poisson]) -> None:
    mask = np.ones((6, 5), bool)
    mask[0, 3:] = False
    given = batch(mask)
    weight = (torch.rand(6, 5, 4, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    hidden = dataclasses.replace(given, loss_weight={"counts": weight})
    values, gradients = [], []
    for each in (given, hidden):
        eta = torch.linspace(-1, 1, 120).view(6, 5, 4).requires_grad_()
        made = losses(each, eta, kind=observation, loss_scale=1.0, l2_scale=0.0, kl_scale=0.0)
        values.append(made.total.item())
        gradients.append(torch.autograd.grad(made.total, eta)[0])
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    assert torch.allclose(gradients[1], gradients[0] * weight)
    eta = torch.linspace(-1, 1, 120).view(6, 5, 4)
    each = (eta.exp() - given.targets["counts"] * eta) * given.mask[..., None]
    assert values[0] == pytest.approx(each.sum().item() / (4 * mask.sum()), rel=1e-5)
    assert gradients[0][0, 3:].abs().max() == 0
