"""Distillation strategies against values worked out by hand, their invariances, and what a region leaves out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.objectives.strategies.base import Account, Strategy
from neurodyn.objectives.strategies.correlation import Correlation
from neurodyn.objectives.strategies.feature import Feature, FeatureConfig
from neurodyn.objectives.strategies.hard import Hard
from neurodyn.objectives.strategies.hard_rate import HardRate
from neurodyn.objectives.strategies.poisson_kl import PoissonKL
from neurodyn.objectives.strategies.soft import Soft, SoftConfig

TEACHER = torch.tensor([[[0.1, 0.2, 0.4], [0.3, 0.3, 0.3]]]).log()
STUDENT = torch.tensor([[[0.2, 0.2, 0.2], [0.3, 0.3, 0.3]]]).log()


def distance(strategy: Strategy, student: Tensor, teacher: Tensor, region: Tensor | None = None) -> float:
    with torch.no_grad():
        found = strategy(Account(student), Account(teacher), torch.ones_like(student) if region is None else region)
    return float(found)


def some(seed: int, trials: int = 4, bins: int = 9, units: int = 5) -> Tensor:
    return torch.randn(trials, bins, units, generator=torch.Generator().manual_seed(seed))


def hidden(seed: int, width: int, **more: int) -> dict[str, Tensor]:
    return {f"layer_{i}": some(seed + i, units=width, **more) for i in (1, 2)}


def strategies() -> list[Strategy]:
    found = []
    for name in registry.names("strategies"):
        strategy = registry.load("strategies", name)()
        if strategy.uses_hidden:
            strategy.match(hidden(3, 6), hidden(5, 6))
        found.append(strategy)
    return found


def test_hand_worked_values() -> None:
    assert distance(Hard(), STUDENT, TEACHER) == pytest.approx(0.160151, abs=5e-7)
    assert distance(Soft(release=True), STUDENT, TEACHER) == pytest.approx(0.155477, abs=5e-7)
    assert distance(Soft(), STUDENT, TEACHER) == pytest.approx(0.077739, abs=5e-7)
    assert distance(Soft(SoftConfig(temperature=1.0), release=True), STUDENT, TEACHER) == pytest.approx(
        0.142912, abs=5e-7
    )
    assert distance(PoissonKL(), STUDENT, TEACHER) == pytest.approx(0.0179907, abs=5e-8)
    half, less = torch.full((1, 1, 1), 0.5).log(), torch.full((1, 1, 1), 0.4).log()
    assert distance(PoissonKL(), less, half) == pytest.approx(0.0115718, abs=5e-8)
    assert distance(HardRate(), STUDENT, TEACHER) == pytest.approx((0.1**2 + 0.2**2) / 6, rel=1e-6)


@pytest.mark.parametrize("strategy", strategies(), ids=lambda s: registry.name_of(type(s)))
def test_alike_is_zero_and_different_is_not(strategy: Strategy) -> None:
    same, other = Account(some(0), hidden(3, 6)), Account(some(1), hidden(7, 6))
    region = torch.ones_like(same.log_rates)
    assert float(strategy(same, same, region).detach()) == pytest.approx(0, abs=1e-10)
    assert float(strategy(same, other, region).detach()) > 0.01


@pytest.mark.parametrize("strategy", strategies(), ids=lambda s: registry.name_of(type(s)))
def test_only_the_region_counts_and_padding_changes_nothing(strategy: Strategy) -> None:
    """Trials padded with bins outside the region are worth what they are without them, values and gradients."""
    region = torch.zeros(4, 13, 5)
    region[:, :9] = 1
    rates = [torch.cat([some(seed), 5 * some(seed + 10, bins=4)], 1) for seed in (0, 1)]
    states = [{n: torch.cat([h, h[:, :4] * 3], 1) for n, h in hidden(seed, 6).items()} for seed in (3, 7)]
    student = rates[0].requires_grad_()
    padded = strategy(Account(student, states[0]), Account(rates[1], states[1]), region)
    short = [Account(r.detach()[:, :9], {n: h[:, :9] for n, h in s.items()}) for r, s in zip(rates, states)]
    torch.testing.assert_close(padded, strategy(*short, torch.ones(4, 9, 5)))
    (gradient,) = torch.autograd.grad(padded, student)
    assert (gradient[region == 0] == 0).all() and gradient[region == 1].abs().sum() > 0


@pytest.mark.parametrize("strategy", strategies(), ids=lambda s: registry.name_of(type(s)))
def test_a_mean_per_entry(strategy: Strategy) -> None:
    """Twice the trials are no more than once."""
    accounts = [Account(some(seed), hidden(seed, 6)) for seed in (0, 1)]
    twice = [
        Account(a.log_rates.repeat(2, 1, 1), {n: h.repeat(2, 1, 1) for n, h in a.hidden.items()}) for a in accounts
    ]
    once = strategy(*accounts, torch.ones(4, 9, 5))
    torch.testing.assert_close(strategy(*twice, torch.ones(8, 9, 5)), once)
    empty = strategy(*accounts, torch.zeros(4, 9, 5))
    assert float(empty.detach()) == 0


def test_soft_is_blind_to_the_gain_of_a_bin_and_release_grows_with_the_bins() -> None:
    student, teacher = some(0), some(1)
    shifted = student + some(2, units=1)
    assert distance(Soft(), shifted, teacher) == pytest.approx(distance(Soft(), student, teacher), rel=1e-5)
    assert distance(Hard(), shifted, teacher) != pytest.approx(distance(Hard(), student, teacher), rel=1e-2)
    assert distance(Soft(release=True), student, teacher) == pytest.approx(
        9 * distance(Soft(), student, teacher), rel=1e-5
    )


def test_soft_compares_the_units_of_the_region() -> None:
    region = torch.ones(4, 9, 5)
    region[:, :, 3:] = 0
    student, teacher = some(0), some(1)
    part = distance(Soft(), student[..., :3], teacher[..., :3])
    assert distance(Soft(), student, teacher, region) == pytest.approx(part, rel=1e-6)
    with pytest.raises(InvalidInput, match=r"soft\.temperature"):
        SoftConfig(temperature=0.0)


def test_correlation_of_opposite_units_and_affine_invariance() -> None:
    up = torch.linspace(-1, 1, 7)
    student, teacher = torch.stack([up, up], -1)[None], torch.stack([up, -up], -1)[None]
    second = distance(Correlation(), student, teacher) - distance(Hard(), student, teacher)
    assert second == pytest.approx(2.0, abs=1e-6)
    student, teacher = some(0), some(1)
    scale, shift = torch.rand(5) + 0.2, torch.randn(5)
    moved = student * scale + shift
    seconds = [distance(Correlation(), s, teacher) - distance(Hard(), s, teacher) for s in (student, moved)]
    assert seconds[1] == pytest.approx(seconds[0], rel=1e-4)


def test_correlation_stands_constant_rates() -> None:
    student = some(0).requires_grad_()
    constant = student * torch.tensor([0.0, 1, 1, 1, 1])
    loss = Correlation()(Account(constant), Account(some(1)), torch.ones(4, 9, 5))
    (gradient,) = torch.autograd.grad(loss, student)
    assert torch.isfinite(loss) and torch.isfinite(gradient).all()
    both = torch.zeros(4, 9, 5)
    assert distance(Correlation(), both, both) == 0


def test_correlation_agrees_with_a_loop_over_trials() -> None:
    student, teacher = some(0), some(1)
    apart = [torch.corrcoef(s.mT) - torch.corrcoef(t.mT) for s, t in zip(student, teacher)]
    expected = torch.stack([a.square().mean() for a in apart]).mean()
    assert distance(Correlation(), student, teacher) - distance(Hard(), student, teacher) == pytest.approx(
        float(expected), rel=1e-5
    )


def test_poisson_kl_is_training_on_a_mixture() -> None:
    """α NLL(y) + (1 − α) NLL(λ) = NLL(α y + (1 − α) λ), and the KL differs from NLL(λ) by what no gradient sees."""
    y = torch.poisson(some(0).exp(), generator=torch.Generator().manual_seed(0))
    student, teacher = some(1), some(2)

    def nll(target: Tensor) -> Tensor:
        return (student.exp() - target * student).mean()

    mixed = nll(0.3 * y + 0.7 * teacher.exp())
    torch.testing.assert_close(0.3 * nll(y) + 0.7 * nll(teacher.exp()), mixed)
    entropy = (teacher.exp() * teacher - teacher.exp()).mean()
    assert distance(PoissonKL(), student, teacher) == pytest.approx(float(nll(teacher.exp()) + entropy), rel=1e-5)
    student.requires_grad_()
    loss = PoissonKL()(Account(student), Account(teacher), torch.ones_like(student))
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(gradient, (student.exp() - teacher.exp()) / student.numel())


@pytest.mark.parametrize("width", [6, 4])
def test_feature_reaches_every_hidden_layer(width: int) -> None:
    mine, theirs = hidden(0, width), hidden(5, 6)
    strategy = Feature()
    strategy.match(mine, theirs)
    for state in mine.values():
        state.requires_grad_()
    loss = strategy(Account(some(0), mine), Account(some(1), theirs), torch.ones(4, 9, 5))
    assert float(loss.detach()) > distance(Hard(), some(0), some(1)) + 0.1
    loss.backward()
    assert all(state.grad is not None and state.grad.abs().sum() > 0 for state in mine.values())
    assert len(list(strategy.parameters())) == 4


def test_feature_without_a_map_needs_equal_widths_and_sees_no_scale() -> None:
    strategy = Feature(FeatureConfig(map="none", layers=("layer_2",)))
    strategy.match(hidden(0, 6), hidden(5, 6))
    assert not list(strategy.parameters())
    student, teacher, region = Account(some(0), hidden(0, 6)), Account(some(0), hidden(5, 6)), torch.ones(4, 9, 5)
    scaled = Account(some(0), {n: 3 * h + 1 for n, h in student.hidden.items()})
    torch.testing.assert_close(
        strategy(scaled, teacher, region), strategy(student, teacher, region), rtol=1e-4, atol=1e-5
    )
    with pytest.raises(InvalidInput, match=r"width 4 in the student and 6 in the teacher"):
        strategy.match(hidden(0, 4), hidden(5, 6))


def test_feature_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(InvalidInput, match="layer_1, layer_2 of the student and none of the teacher"):
        Feature().match(hidden(0, 6), {})
    with pytest.raises(InvalidInput, match="layer_9"):
        Feature(FeatureConfig(layers=("layer_9",))).match(hidden(0, 6), hidden(5, 6))


def test_release_feature_is_hard() -> None:
    strategy = Feature(release=True)
    assert distance(strategy, some(0), some(1)) == distance(Hard(), some(0), some(1))
