"""The evidence lower bound: ramps, scales, and what coordinated dropout does to value and gradient."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from neurodyn import registry
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout
from neurodyn.data.transforms.sample_validation import SampleValidation, SampleValidationConfig
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Losses, Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig, ramp
from neurodyn.objectives.poisson import Poisson as Mean
from neurodyn.objectives.poisson import PoissonConfig as MeanConfig
from neurodyn.observations.base import Observation
from neurodyn.observations.poisson import Poisson
from neurodyn.observations.zero_inflated_gamma import ZeroInflatedGamma, ZeroInflatedGammaConfig


class Stand(Model):
    """Stands for a model: an objective asks it for observations only."""

    def __init__(self, observation: Observation | None = None) -> None:
        super().__init__(None, DataSpec(()))
        self.likelihood = observation or Poisson()

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        raise AssertionError("an objective never calls the model")

    def observation(self, signal: str, session: int = 0) -> Observation:
        return self.likelihood


class Verbose(Poisson):
    """Poisson under another class: takes the general path."""


def batch(mask: np.ndarray | None = None) -> Batch:
    counts = np.random.default_rng(0).poisson(0.7, (6, 5, 4))
    return Batch.of(Trials.from_arrays(counts, bin_s=0.02, mask=mask))


def losses(given: Batch, eta: Tensor, epoch: int = 500, kind: type[Observation] = Poisson, **config: object) -> Losses:
    out = Output({"counts": eta[..., None]}, kl={"inputs": torch.full((6,), 3.0)}, penalty={"l2": torch.tensor(2.0)})
    return ELBO(ELBOConfig(**config), Stand(kind()))(out, given, Step(epoch))


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


@pytest.mark.parametrize("name", [n for n in registry.names("observations") if n != "categorical"])  # one variable
def test_entries_that_do_not_count_change_nothing(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    observation = registry.load("observations", name)(4)
    counts = torch.randint(0, 2, (6, 5, 4), generator=generator).double().numpy() + (name == "gamma")
    mask = np.ones((6, 5), bool)
    mask[1, 3:] = False
    counts[torch.rand(counts.shape, generator=generator).numpy() < 0.5] = (
        np.nan
    )  # half of the targets were not recorded
    given = Batch.of(Trials.from_arrays(counts, bin_s=0.02, mask=mask, nan="unknown"))
    known = torch.from_numpy(np.isfinite(counts) & mask[..., None])
    predicted = torch.randn(6, 5, 4, observation.parameters_per_channel, generator=generator).requires_grad_()
    for objective in (ELBO(ELBOConfig(loss_scale=1.0), Stand(observation)), Mean(MeanConfig(), Stand(observation))):
        made = objective(Output({"counts": predicted}), given, Step())
        each = observation.negative_log_likelihood(predicted, given.targets["counts"])
        assert made.total.item() == pytest.approx(each[known].mean().item(), rel=1e-5)
        (gradient,) = torch.autograd.grad(made.total, predicted)
        assert (gradient[~known] == 0).all() and gradient[known].abs().sum() > 0


def test_coordinated_dropout_leaves_the_value_and_trains_on_what_was_hidden() -> None:
    counts = np.random.default_rng(0).poisson(0.7, (60, 20, 30)) + 1
    given = Batch.of(Trials.from_arrays(counts, bin_s=0.02))
    hidden = CoordinatedDropout()(given, torch.Generator().manual_seed(0))
    eta = torch.linspace(-1, 1, 36000).view(60, 20, 30).requires_grad_()
    made = [losses(each, eta, loss_scale=1.0) for each in (given, hidden)]
    assert made[0].total.item() == pytest.approx(made[1].total.item(), rel=1e-6)
    (gradient,) = torch.autograd.grad(made[1].total, eta)
    seen = hidden.observed.neural > 0
    assert (gradient[seen] == 0).all()
    assert (gradient != 0).float().mean().item() == pytest.approx(0.30, abs=0.01)
    torch.testing.assert_close(hidden.observed.neural[seen], given.observed.neural[seen] / 0.7)


@pytest.mark.parametrize("kind", [Poisson, Verbose])
@pytest.mark.parametrize("ragged", [False, True])
def test_withheld_entries_are_watched_and_not_trained_on(kind: type[Poisson], ragged: bool) -> None:
    mask = np.ones((6, 5), bool)
    mask[:2, 3:] = not ragged
    counts = np.random.default_rng(0).poisson(0.7, (6, 5, 4))
    trials = Trials.from_arrays(counts, bin_s=0.02, mask=mask)
    withhold = SampleValidation(SampleValidationConfig(rate=0.4))
    withhold.prepare([trials])
    given = Batch.of(trials)
    batch = withhold(given, torch.Generator())
    eta = torch.linspace(-1, 1, 120).view(6, 5, 4).requires_grad_()
    made = losses(batch, eta, kind=kind, loss_scale=1.0, l2_scale=0.0, kl_scale=0.0)
    each = eta.exp() - given.targets["counts"] * eta
    out, there = batch.withheld["counts"], given.mask[..., None].expand(6, 5, 4)
    assert made.terms["counts_nll"].item() == pytest.approx(each[~out & there].mean().item(), rel=1e-5)
    assert made.terms["counts_nll_withheld"].item() == pytest.approx(each[out & there].mean().item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(made.total, eta, retain_graph=True)
    (plain,) = torch.autograd.grad(losses(given, eta, loss_scale=1.0).total, eta)
    torch.testing.assert_close(gradient, plain * ~out / 0.6)
    mean = Mean(MeanConfig(), Stand(kind()))(Output({"counts": eta[..., None]}), batch, Step())
    assert mean.terms["counts_nll_withheld"] == made.terms["counts_nll_withheld"]
    assert mean.total.item() == pytest.approx(each[~out & there].mean().item(), rel=1e-5)


def test_rates_are_clamped_in_the_first_epochs_only() -> None:
    given = batch()
    eta = torch.full((6, 5, 4), 100.0, requires_grad=True)
    assert losses(given, eta).total.isinf()
    early = losses(given, eta, epoch=4, log_rate_clamp=10.0, loss_scale=1.0, kl_scale=0.0, l2_scale=0.0)
    target = given.targets["counts"]
    assert early.total.item() == pytest.approx((np.exp(10.0) - target * 100).mean().item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(early.total, eta)
    torch.testing.assert_close(gradient, (np.exp(10.0) - target) / 120)  # rates above are still pulled down
    assert losses(given, eta, epoch=5, log_rate_clamp=10.0).total.isinf()


def test_a_likelihoods_own_penalty_enters_with_the_weights() -> None:
    observation = ZeroInflatedGamma(4, ZeroInflatedGammaConfig(scale_init=5.0, scale_prior=3.0, scale_penalty=0.1))
    predicted = {"counts": torch.zeros(6, 5, 4, 3)}
    made = ELBO(ELBOConfig(loss_scale=1.0, l2_scale=10.0), Stand(observation))(Output(predicted), batch(), Step(0))
    assert made.terms["counts_penalty"].item() == pytest.approx(1.6)
    assert made.total.item() == pytest.approx(made.terms["counts_nll"].item() + 10 * 1.6 / 81)
    plain = Mean(MeanConfig(), Stand(observation))(Output(predicted), batch(), Step(0))
    assert plain.total.item() == pytest.approx(made.terms["counts_nll"].item() + 1.6)
