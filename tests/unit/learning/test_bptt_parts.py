"""A batch cut into micro-batches gives the loss and the gradients of the whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from aligned_subjects import TINY, TRIALS, built, subject
from neurodyn.data.batch import Batch
from neurodyn.learning._parts import cut
from neurodyn.learning.bptt import BPTT
from neurodyn.models.pnba import PNBA
from neurodyn.objectives.align import Align, AlignConfig
from neurodyn.objectives.base import Objective, Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig
from neurodyn.objectives.poisson import Poisson, PoissonConfig


def found(
    objective: Any, model: PNBA, batches: list[Batch], parts: int
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Total, terms and gradients. Without samples: the model is in evaluation mode, and noise is not a matter of parts."""
    made: Objective = objective(model)
    rule = BPTT()
    rule.parts = parts
    model.zero_grad()
    losses = rule.gradients(model, made, batches, Step())
    parameters = dict(model.named_parameters())
    if made.trained is not None:
        parameters |= {f"objective/{n}": p for n, p in made.trained.named_parameters()}
    return losses.total, dict(losses.terms), {n: p.grad.clone() for n, p in parameters.items() if p.grad is not None}


def same(
    objective: Any,
    model: PNBA,
    batches: list[Batch],
    tolerance: float = 1e-6,
    numbers: tuple[int, ...] = (2, 4, TRIALS, 100),
) -> None:
    total, terms, gradients = found(objective, model, batches, 1)
    size = max(float(g.abs().max()) for g in gradients.values())
    assert size > 0
    for parts in numbers:
        other, other_terms, other_gradients = found(objective, model, batches, parts)
        torch.testing.assert_close(other.detach(), total.detach(), rtol=1e-5, atol=1e-6)
        assert other_terms.keys() == terms.keys() and other_gradients.keys() == gradients.keys()
        for name, value in terms.items():
            torch.testing.assert_close(other_terms[name], value, rtol=1e-4, atol=1e-6)
        for name, value in gradients.items():
            assert float((other_gradients[name] - value).abs().max()) < tolerance * size, (name, parts)


def align(model: PNBA) -> Objective:
    return Align(AlignConfig(), model)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("beside", [("behaviour",), ("behaviour", "video")])
def test_align_compares_all_trials_of_the_batch(ragged: bool, beside: tuple[str, ...]) -> None:
    trials = subject(ragged=ragged, video=True)
    same(align, built(trials, beside=beside), [Batch.of(trials)])


def test_trials_without_behaviour_in_some_parts() -> None:
    trials = subject()
    model, batch = built(trials), Batch.of(trials)
    for values in batch.privileged.values():
        values[:5] = torch.nan
    same(align, model, [batch])


def test_several_sessions_a_step_weigh_equally() -> None:
    sessions = [subject("a"), subject("b", units=14, seed=1, trials=16)]
    same(align, built(sessions), [Batch.of(t, session=i) for i, t in enumerate(sessions)])


@pytest.mark.parametrize("mode", ["release", "paper"])
def test_the_published_modes_too(mode: str) -> None:
    trials = subject(video=True, behaviour=False)
    model = built(
        trials, mode=mode, published=TINY
    ).double()  # sums of hundreds of pixels leave some rounding in single precision
    batch = Batch.of(trials)
    signals = {name: values.double() for name, values in batch.observed.signals.items()}
    targets = {name: values.double() for name, values in batch.targets.items()}
    observed = dataclasses.replace(batch.observed, signals=signals)
    same(align, model, [dataclasses.replace(batch, observed=observed, targets=targets)], 1e-9, (4,))


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(
    "objective", [lambda m: Poisson(PoissonConfig(), m), lambda m: ELBO(ELBOConfig(), m)], ids=["poisson", "elbo"]
)
def test_objectives_that_compare_no_trials(objective: Any, ragged: bool) -> None:
    trials = subject(ragged=ragged)
    same(objective, built(trials, beside=("none",)), [Batch.of(trials)])


def test_samples_are_drawn_once() -> None:
    """The pass ahead, which says what others need to know, draws the same samples as the pass with gradients."""
    trials = subject()
    model, batch = built(trials).train(), Batch.of(trials)
    rule = BPTT()
    rule.parts = 3
    seen: list[Tensor] = []
    forward = model.forward

    def noted(*given: Any) -> Any:
        output = forward(*given)
        seen.append(output.latents.detach())
        return output

    model.forward = noted
    torch.manual_seed(5)
    rule.gradients(model, Align(AlignConfig(), model), [batch], Step())
    assert len(seen) == 6
    assert all(torch.equal(ahead, again) for ahead, again in zip(seen[:3], seen[3:]))


@pytest.mark.parametrize(("parts", "sizes"), [(1, [12]), (5, [3, 3, 2, 2, 2]), (12, [1] * 12), (40, [1] * 12)])
def test_parts_are_neighbours_of_like_size(parts: int, sizes: list[int]) -> None:
    pieces = cut(Batch.of(subject()), parts)
    assert [len(p.mask) for p in pieces] == sizes
    assert torch.cat([p.trial for p in pieces]).tolist() == list(range(TRIALS))
