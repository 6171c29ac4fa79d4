"""Distillation as an objective: the mixture, regions, what teachers see, several teachers, and what is refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from layered_networks import (
    BINS,
    FORWARD,
    HELDIN,
    UNITS,
    Bounded,
    Hollow,
    Layers,
    LayersConfig,
    network,
    some_trials,
)

from neurodyn.config import from_dict, to_dict
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.masking import Masking, MaskingConfig
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.objectives.base import Losses, Step
from neurodyn.objectives.distill import Distill, DistillConfig
from neurodyn.objectives.elbo import ELBOConfig
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.objectives.strategies.correlation import CorrelationConfig
from neurodyn.objectives.strategies.feature import FeatureConfig
from neurodyn.objectives.strategies.hard import HardConfig
from neurodyn.objectives.strategies.hard_rate import HardRateConfig
from neurodyn.objectives.strategies.poisson_kl import PoissonKLConfig
from neurodyn.objectives.strategies.soft import SoftConfig


@dataclass
class Taught:
    """A student with its teachers, and a batch."""

    objective: Distill
    student: Layers
    teachers: list[Layers]
    batch: Batch

    def losses(self, batch: Batch | None = None, epoch: int = 0) -> Losses:
        batch = batch or self.batch
        return self.objective(self.student(batch.observed), batch, Step(epoch))


def taught(trials: Trials | None = None, teachers: int = 1, batch: Batch | None = None, **config: Any) -> Taught:
    trials = trials or some_trials()
    student = network(trials, 0)
    objective = Distill(DistillConfig(**config), student)
    found = [network(trials, 1 + k, privileged=True) for k in range(teachers)]
    objective.taught_by(found)
    return Taught(objective, student, found, batch or Batch.of(trials))


def masked(batch: Batch) -> Batch:
    return Masking(MaskingConfig(ratio=0.4))(batch, torch.Generator().manual_seed(0))


def test_the_total_is_the_mixture_and_its_terms_are_logged() -> None:
    case = taught(alpha=0.3, strategy=PoissonKLConfig())
    losses = case.losses()
    own = Poisson(PoissonConfig(), case.student)(case.student(case.batch.observed), case.batch, Step())
    distance = losses.terms["distillation"]
    torch.testing.assert_close(losses.total, 0.3 * own.total + 0.7 * distance)
    assert set(losses.terms) == {*own.terms, "distillation"} and not distance.requires_grad
    assert distance > 0.001


def test_alpha_one_is_the_students_own_loss_and_asks_no_teacher() -> None:
    case = taught(alpha=1.0)
    case.teachers[0].calls.clear()
    own = Poisson(PoissonConfig(), case.student)(case.student(case.batch.observed), case.batch, Step())
    losses = case.losses()
    assert torch.equal(losses.total, own.total) and set(losses.terms) == set(own.terms)
    assert not case.teachers[0].calls
    untaught = Distill(DistillConfig(alpha=1.0), case.student)
    assert torch.equal(untaught(case.student(case.batch.observed), case.batch, Step()).total, own.total)


def test_alpha_moves_in_a_straight_line() -> None:
    config = DistillConfig(alpha=1.0, alpha_end=0.2, alpha_epochs=4)
    assert [config.share(e) for e in (0, 1, 2, 4, 9)] == pytest.approx([1.0, 0.8, 0.6, 0.2, 0.2])
    assert config.teaches and not DistillConfig(alpha=1.0, alpha_end=1.0).teaches
    assert [DistillConfig(alpha=0.0, alpha_end=1.0).share(e) for e in (0, 1)] == [1.0, 1.0]
    case = taught(alpha=1.0, alpha_end=0.2, alpha_epochs=4)
    assert "distillation" not in case.losses(epoch=0).terms and "distillation" in case.losses(epoch=1).terms


def test_a_teacher_is_frozen_and_sees_behaviour_and_the_student_does_not() -> None:
    case = taught()
    teacher = case.teachers[0]
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    case.losses().total.backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in case.student.parameters())
    assert teacher.calls[-1][1] is not None and case.student.calls[-1][1] is None
    assert case.objective.trained is None


def test_behaviour_moves_the_teacher_alone_and_may_be_missing() -> None:
    case = taught()
    batch = case.batch
    other = dataclasses.replace(batch, privileged={"behaviour": batch.privileged["behaviour"] + 1})
    nothing = dataclasses.replace(batch, privileged={})
    lost = dataclasses.replace(batch, privileged={"behaviour": torch.full((12, BINS, 2), torch.nan)})
    distances = [case.losses(each).terms["distillation"] for each in (batch, other, nothing, lost)]
    assert torch.isfinite(torch.stack(distances)).all() and distances[0] != distances[1]
    outputs = [case.student(each.observed).predictions["counts"] for each in (batch, other)]
    assert torch.equal(*outputs)


def test_an_identical_teacher_teaches_nothing() -> None:
    for strategy in (
        HardConfig(),
        HardRateConfig(),
        SoftConfig(),
        CorrelationConfig(),
        PoissonKLConfig(),
        FeatureConfig(),
    ):
        trials = some_trials()
        student, teacher = network(trials, 0), network(trials, 0)
        objective = Distill(DistillConfig(strategy=strategy), student)
        objective.taught_by([teacher])
        batch = Batch.of(trials)
        assert float(objective(student(batch.observed), batch, Step()).terms["distillation"]) == pytest.approx(
            0, abs=1e-10
        )


@pytest.mark.parametrize(
    ("region", "inside"),
    [
        ("all", lambda hidden, unit, bin_: torch.ones_like(hidden)),
        ("masked", lambda hidden, unit, bin_: hidden),
        ("heldout", lambda hidden, unit, bin_: (unit >= HELDIN) & (bin_ < BINS - FORWARD)),
        ("forward", lambda hidden, unit, bin_: (bin_ >= BINS - FORWARD) & (unit >= 0)),
        ("unseen", lambda hidden, unit, bin_: hidden | (unit >= HELDIN) | (bin_ >= BINS - FORWARD)),
    ],
)
def test_regions(region: Any, inside: Any) -> None:
    case = taught(alpha=0.0, region=region)
    batch = masked(case.batch)
    hidden = torch.zeros(12, BINS, UNITS, dtype=torch.bool)
    hidden[:, : BINS - FORWARD, :HELDIN] = batch.observed.hidden
    expected = inside(hidden, torch.arange(UNITS), torch.arange(BINS)[:, None]) & batch.mask[..., None]
    output = case.student(batch.observed)
    rates = output.predictions["counts"].detach().requires_grad_()
    total = case.objective(dataclasses.replace(output, predictions={"counts": rates}), batch, Step()).total
    (gradient,) = torch.autograd.grad(total, rates)
    assert torch.equal(gradient[..., 0] != 0, expected.expand(12, BINS, UNITS))


def test_without_a_mask_masked_is_all_that_was_seen() -> None:
    case = taught(region="masked")
    region = case.objective._region(case.batch, "counts")
    assert region.sum() == case.batch.mask[:, : BINS - FORWARD].sum() * HELDIN


def test_counts_that_are_unknown_and_entries_without_weight_are_taught() -> None:
    """A trial with spikes of held-in units and behaviour alone still has a teacher for the others."""
    counts = np.random.default_rng(0).poisson(0.8, (12, BINS, UNITS)).astype(float)
    counts[6:, :, HELDIN:] = np.nan
    trials = some_trials(counts=counts, nan="unknown")
    case = taught(trials, alpha=0.0)
    batch = dataclasses.replace(case.batch, loss_weight={"counts": torch.zeros(12, BINS, UNITS)})
    output = case.student(batch.observed)
    rates = output.predictions["counts"].detach().requires_grad_()
    total = case.objective(dataclasses.replace(output, predictions={"counts": rates}), batch, Step()).total
    (gradient,) = torch.autograd.grad(total, rates)
    assert torch.equal((gradient[..., 0] != 0).any(-1), batch.mask)
    assert (gradient[6:, :5, HELDIN:] != 0).all()


def test_a_teacher_sees_what_the_student_sees_or_the_whole() -> None:
    counts = np.random.default_rng(0).poisson(0.8, (12, BINS, UNITS)).astype(float)
    counts[0, 2, 1] = np.nan
    trials = some_trials(counts=counts, nan="unknown")
    for sees in ("masked", "whole"):
        case = taught(trials, teacher_sees=sees)
        batch = masked(case.batch)
        case.losses(batch)
        seen = case.teachers[0].calls[-1][0]
        expected = batch.observed if sees == "masked" else case.batch.observed
        assert torch.equal(seen.neural, expected.neural)
        assert seen.hidden is not None and torch.equal(seen.hidden, expected.hidden)


def test_several_teachers_teach_the_mean_of_their_rates() -> None:
    case = taught(teachers=3)
    batch = case.batch
    rates = [t(batch.observed, batch.privileged).predictions["counts"][..., 0].exp() for t in case.teachers]
    found = case.objective._taught(batch).log_rates
    torch.testing.assert_close(found.exp(), torch.stack(rates).mean(0))


def test_cross_fitted_teachers_teach_their_own_fold_and_validation_gets_the_mean() -> None:
    case = taught(teachers=3, cross_fitted=True)
    shuffled = case.batch.take(torch.tensor([7, 0, 5, 3, 4, 11]))
    means = [t(shuffled.observed, shuffled.privileged).predictions["counts"][..., 0] for t in case.teachers]
    case.student.train()
    for teacher in case.teachers:
        teacher.calls.clear()
    found = case.objective._taught(shuffled).log_rates
    for row, trial in enumerate(shuffled.trial.tolist()):
        torch.testing.assert_close(found[row], means[trial % 3][row])
    assert [len(t.calls[0][0].mask) for t in case.teachers] == [2, 2, 2]
    case.student.eval()
    mean = torch.stack(means).exp().mean(0)
    torch.testing.assert_close(case.objective._taught(shuffled).log_rates.exp(), mean)


def test_feature_trains_maps_beside_the_student() -> None:
    trials = some_trials()
    student, teacher = network(trials, 0), network(trials, 1, width=7)
    objective = Distill(DistillConfig(strategy=FeatureConfig(), alpha=0.0), student)
    objective.taught_by([teacher])
    assert objective.trained is not None
    batch = Batch.of(trials)
    objective(student(batch.observed), batch, Step()).total.backward()
    assert all(p.grad is not None for p in objective.trained.parameters())
    layer_1 = student.first[0].weight.grad
    hard = Distill(DistillConfig(alpha=0.0), student)
    hard.taught_by([teacher])
    student.zero_grad()
    hard(student(batch.observed), batch, Step()).total.backward()
    assert layer_1 is not None and layer_1.abs().sum() > 0 and not torch.equal(layer_1, student.first[0].weight.grad)
    released = Distill(DistillConfig(strategy=FeatureConfig(), mode="release"), student)
    released.taught_by([teacher])
    assert released.trained is None
    assert torch.equal(*(o(student(batch.observed), batch, Step()).terms["distillation"] for o in (released, hard)))


def test_release_divides_soft_by_trials() -> None:
    both = [taught(strategy=SoftConfig(), mode=mode).losses().terms["distillation"] for mode in ("default", "release")]
    mask = some_trials().mask
    assert float(both[1] / both[0]) == pytest.approx(mask.sum() / len(mask), rel=1e-5)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_an_elbo_keeps_its_terms_and_its_scale(reduce: str) -> None:
    trials = some_trials()
    torch.manual_seed(0)
    student = Bounded(LayersConfig(), DataSpec.of(trials))
    own = Distill(DistillConfig(), student).base.config
    assert own == ELBOConfig(l2_scale=3.0, loss_scale=100.0)
    base = dataclasses.replace(own, reduce=reduce)
    objective = Distill(DistillConfig(alpha=0.25, base=base), student)
    objective.taught_by([network(trials, 1)])
    batch = Batch.of(trials)
    output = student(batch.observed)
    losses, alone = objective(output, batch, Step(50)), objective.base(output, batch, Step(50))
    assert {"kl_z", "l2", "counts_nll", "distillation"} <= set(losses.terms)
    nat = 100.0 if reduce == "mean" else 100.0 * float(batch.mask.sum()) * UNITS / 12
    expected = 0.25 * float(alone.total.detach()) + 0.75 * nat * float(losses.terms["distillation"])
    assert float(losses.total.detach()) == pytest.approx(expected, rel=1e-5)


def two_sessions() -> list[Trials]:
    return [dataclasses.replace(some_trials(seed=i), session=name) for i, name in enumerate(("monday", "friday"))]


def test_sessions_are_found_by_name() -> None:
    sessions = two_sessions()
    student, teacher = network(sessions, 0), network(sessions[::-1], 1)
    objective = Distill(DistillConfig(), student)
    objective.taught_by([teacher])
    batch = Batch.of(sessions[0], session=0)
    objective(student(batch.observed), batch, Step())
    assert teacher.calls[-1][0].session == 1
    with pytest.raises(InvalidInput, match="does not know session 'friday'"):
        Distill(DistillConfig(), student).taught_by([network(sessions[:1], 1)])
    renamed = dataclasses.replace(sessions[0], session="tuesday")
    Distill(DistillConfig(), network(renamed, 0)).taught_by([network(sessions[0], 1)])  # one session, whatever its name


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"counts": np.ones((12, BINS, 5), int)}, "units 5"),
        ({"heldin": range(3)}, "held-in units 0, 1, 2"),
        ({"heldin": range(1, HELDIN + 1)}, "held-in units 1, 2, 3, 4"),
        ({"forward": 1}, "forward bins 1"),
    ],
)
def test_a_teacher_of_other_trials_is_refused(other: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        Distill(DistillConfig(), network(some_trials(), 0)).taught_by([network(some_trials(**other), 1)])


def test_other_bins_are_refused() -> None:
    trials = some_trials()
    spec = DataSpec.of(trials)
    longer = dataclasses.replace(spec.sessions[0], bins=BINS + 2)
    wider = dataclasses.replace(spec.sessions[0].signals["counts"], bin_s=0.05)
    slower = dataclasses.replace(spec.sessions[0], signals={**spec.sessions[0].signals, "counts": wider})
    for session, named in ((longer, f"bins {BINS + 2}"), (slower, "seconds a bin 0.05")):
        with pytest.raises(InvalidInput, match=named):
            Distill(DistillConfig(), network(trials, 0)).taught_by([Layers(LayersConfig(), DataSpec((session,)))])


def test_what_cannot_be_distilled_is_refused() -> None:
    trials = some_trials()
    student = network(trials, 0)
    batch = Batch.of(trials)
    with pytest.raises(InvalidInput, match=r"objective\.teacher: got none"):
        Distill(DistillConfig(), student)(student(batch.observed), batch, Step())
    with pytest.raises(InvalidInput, match=r"objective\.teacher: got none"):
        Distill(DistillConfig(), student).taught_by([])
    with pytest.raises(InvalidInput, match="2 teachers for feature"):
        Distill(DistillConfig(strategy=FeatureConfig()), student).taught_by([network(trials, 1), network(trials, 2)])
    with pytest.raises(InvalidInput, match="heldout, without held-out units"):
        Distill(DistillConfig(region="heldout"), network(some_trials(heldin=range(UNITS)), 0))
    with pytest.raises(InvalidInput, match="forward, without forward bins"):
        Distill(DistillConfig(region="forward"), network(some_trials(forward=0), 0))
    with pytest.raises(UnknownName, match="Did you mean 'soft'"):
        from_dict(DistillConfig, {"strategy": "sofd"}, "objective")
    with pytest.raises(InvalidInput, match="an objective without a teacher"):
        DistillConfig(base=DistillConfig())
    with pytest.raises(InvalidInput, match="two or more"):
        DistillConfig(teacher=("one",), cross_fitted=True)
    with pytest.raises(InvalidInput, match=r"objective\.alpha"):
        DistillConfig(alpha=1.5)


def test_feature_without_hidden_states_is_refused() -> None:
    trials = some_trials()
    with pytest.raises(InvalidInput, match="none of the teacher"):
        Distill(DistillConfig(strategy=FeatureConfig()), network(trials, 0)).taught_by(
            [Hollow(LayersConfig(), DataSpec.of(trials))]
        )


def test_a_model_of_something_else_is_refused() -> None:
    case = taught()
    output = dataclasses.replace(case.student(case.batch.observed), predictions={})
    with pytest.raises(InvalidInput, match="teacher and student that predict counts"):
        case.objective._account(case.student, output, case.batch.observed)


def test_activity_that_is_not_spikes_is_compared_by_its_mean_and_hard_alone() -> None:
    activity = np.random.default_rng(0).normal(size=(12, BINS, UNITS)) - 5
    trials = some_trials(counts=None, fluorescence=activity)
    student, teacher = (network(trials, seed, observation="gaussian") for seed in (0, 1))
    objective = Distill(DistillConfig(alpha=0.0, region="forward"), student)
    objective.taught_by([teacher])
    batch = Batch.of(trials)
    means = [m(batch.observed).predictions["fluorescence"][..., 0][:, -FORWARD:] for m in (student, teacher)]
    counted = batch.mask[:, -FORWARD:]
    expected = (means[0] - means[1]).square()[counted].mean()
    torch.testing.assert_close(objective(student(batch.observed), batch, Step()).total, expected)
    for strategy in (HardRateConfig(), SoftConfig(), CorrelationConfig(), PoissonKLConfig(), FeatureConfig()):
        with pytest.raises(InvalidInput, match="on activity that is not spikes"):
            Distill(DistillConfig(strategy=strategy), student)


def test_rates_of_another_likelihood_are_its_means() -> None:
    trials = some_trials()
    teacher = network(trials, 1, observation="negative_binomial")
    objective = Distill(DistillConfig(), network(trials, 0))
    objective.taught_by([teacher])
    batch = Batch.of(trials)
    log_mean = teacher(batch.observed).predictions["counts"][..., 0]
    torch.testing.assert_close(objective._taught(batch).log_rates, log_mean, rtol=1e-4, atol=1e-5)


def test_options_round_trip() -> None:
    config = DistillConfig(teacher=("a", "b"), strategy=SoftConfig(temperature=3.0), base=ELBOConfig(l2_scale=2.0))
    assert from_dict(DistillConfig, to_dict(config)) == config
    assert to_dict(config)["base"]["name"] == "elbo" and to_dict(DistillConfig())["base"] is None
