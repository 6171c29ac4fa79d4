"""LangevinFlow as published: the public code's values and gradients, its sizes, its frozen kernel, and what the two modes differ in."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import published_langevin_case as case
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec, SessionSpec, SignalSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Output
from neurodyn.models.mean_rate import MeanRate, MeanRateConfig
from neurodyn.models.parts.published_langevin import PublishedLangevin
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig

GOLDEN = Path(__file__).parents[3] / "golden" / "langevin_flow.json"
PUBLISHED = ELBOConfig(kl_scale=0.1, kl_start_epoch=1, kl_increase_epochs=499, loss_scale=1.0)


def small(**changes: Any) -> PublishedLangevin:
    """The network of the golden case, in double precision."""
    settings = {"heldin": case.HELDIN, "units": case.UNITS, "size": case.SIZE, "dropout": 0.0, "damping": case.DAMPING}
    model = PublishedLangevin(**{**settings, **changes}).double()
    values = case.weights({name: tuple(p.shape) for name, p in model.named_parameters()})
    model.load_state_dict(values)
    return model


def batch() -> Batch:
    """Its batch after coordinated dropout."""
    counts = case.counts()
    trials = Trials.from_arrays(
        counts.numpy(), bin_s=0.02, heldin=torch.arange(case.HELDIN).numpy(), forward=case.FORWARD
    )
    whole = Batch.of(trials)
    kept, weight = case.kept(), torch.ones_like(counts)
    weight[:, : case.OBSERVED, : case.HELDIN] = (~kept | case.passed()).double()
    seen = counts[:, : case.OBSERVED, : case.HELDIN] * kept / case.KEEP
    return whole.with_seen(seen, weight)


def given_noise(*shape: int) -> torch.Tensor:
    return case.noise().view(shape)


def objective() -> ELBO:
    signal = SignalSpec("spikes", "neural", 0.02, (case.UNITS,), case.BINS)
    session = SessionSpec("one", {"counts": signal}, "counts", case.UNITS, case.HELDIN, case.BINS, case.FORWARD)
    return ELBO(PUBLISHED, MeanRate(MeanRateConfig(), DataSpec((session,))))


def test_forward_loss_and_gradients_are_those_of_the_public_code() -> None:
    golden = json.loads(GOLDEN.read_text())
    model, observed = small().train(), batch()
    log_rates, latents, kl = model(observed.observed.neural, case.BINS, draw=given_noise)
    torch.testing.assert_close(log_rates[0], torch.tensor(golden["log_rates"], dtype=torch.float64), rtol=1e-10, atol=1e-12)  # fmt: skip
    torch.testing.assert_close(latents[0, -1], torch.tensor(golden["latents"], dtype=torch.float64), rtol=1e-10, atol=1e-12)  # fmt: skip
    assert sum(value.mean().item() for value in kl.values()) == pytest.approx(golden["kl"], rel=1e-12)
    loss = objective()(Output({"counts": log_rates.unsqueeze(-1)}, kl=kl), observed, Step(case.EPOCH)).total
    assert loss.item() == pytest.approx(golden["loss"], rel=1e-6)  # targets are kept in single precision
    loss.backward()
    found = {name: case.summary(p.grad) for name, p in model.named_parameters() if p.grad is not None}
    assert set(found) == set(golden["gradients"])
    for name, (norm, product) in golden["gradients"].items():
        assert found[name] == pytest.approx([norm, product], rel=1e-6, abs=1e-8 * norm), name


@pytest.mark.parametrize(
    ("heldin", "units", "parameters"),
    [(137, 182, 4_510_422), (98, 130, 4_433_930), (49, 65, 4_338_105), (45, 60, 4_330_540), (40, 54, 4_321_294)],
)
def test_sizes_are_those_of_the_published_networks(heldin: int, units: int, parameters: int) -> None:
    model = PublishedLangevin(heldin=heldin, units=units, size=280, dropout=0.05, damping=0.55)
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_initial_scaling_leaves_the_values_alone() -> None:
    torch.manual_seed(0)
    layer = PublishedLangevin(heldin=9, units=9, size=60, dropout=0.0, damping=0.55).decoder
    scale = 0.67 * 3**-0.25
    for part in (layer.feedforward_in, layer.feedforward_out, layer.attention_out):
        bound = scale / part.in_features**0.5
        assert 0.99 * bound < part.weight.abs().max() <= bound
    bound = (6 / (4 * 180)) ** 0.5  # Xavier's, for the packed matrix
    assert 0.99 * bound < layer.query_key_value.weight[-180:].abs().max() <= bound


@pytest.mark.parametrize(("damping", "constant"), [(0.55, 12.820), (0.7, 17.925)])
def test_release_kl_is_a_penalty_on_the_drawn_velocity(damping: float, constant: float) -> None:
    _, latents, kl = small(damping=damping)(
        case.counts()[:, : case.OBSERVED, : case.HELDIN], case.BINS, draw=torch.randn
    )
    velocity = latents[:, 1:, case.SIZE : 2 * case.SIZE]
    expected = (5 * velocity**2 + constant).sum((1, 2))
    torch.testing.assert_close(kl["path"], expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize(("damping", "constant"), [(0.55, 3.801), (0.7, 5.180)])
def test_paper_kl_is_that_of_the_transition(damping: float, constant: float) -> None:
    model = small(damping=damping, mode="paper")
    _, latents, kl = model(case.counts()[:, : case.OBSERVED, : case.HELDIN], case.BINS, draw=given_noise)
    position, velocity, _ = latents[:, :-1].split(case.SIZE, 2)
    force = model.potential.force(position.flatten(0, 1)).view_as(position)
    mean = (1 - damping) * (velocity + 0.01 * force)
    torch.testing.assert_close(kl["path"], (5 * mean**2 + constant).sum((1, 2)), rtol=1e-3, atol=0)
    drawn = latents[:, 1:, case.SIZE : 2 * case.SIZE] - math.sqrt(2 * damping) * case.noise()[2:].transpose(0, 1)
    torch.testing.assert_close(mean, drawn, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("mode", "first"), [("release", 3), ("paper", 2)])
def test_alignment(mode: str, first: int) -> None:
    model, counts = small(mode=mode), case.counts()[:, : case.OBSERVED, : case.HELDIN]
    changed = counts.clone()
    changed[:, 2] += 1
    before, after = (model(x, case.BINS, draw=None)[1][..., 2 * case.SIZE :] for x in (counts, changed))
    assert torch.equal(before[:, :first], after[:, :first])
    assert (before[:, first] != after[:, first]).any()


def test_the_first_bin_alone_starts_the_path() -> None:
    model, counts = small(), case.counts()[:, : case.OBSERVED, : case.HELDIN]
    changed = counts.clone()
    changed[:, 1:] += 1
    path = [model(x, case.BINS, draw=None)[1][..., : 2 * case.SIZE] for x in (counts, changed)]
    assert torch.equal(*path)


def test_kernel_never_learns_from_zero_but_does_from_normal() -> None:
    counts = case.counts().float()
    for start, lowest, highest in (("zero", 0.99999, 1.0 + 1e-6), ("normal", 0.0, 0.9999)):
        torch.manual_seed(0)
        sizes = {"heldin": case.HELDIN, "units": case.UNITS, "size": case.SIZE, "damping": case.DAMPING}
        model = PublishedLangevin(dropout=0.05, kernel_init=start, **sizes)  # type: ignore[arg-type]
        optimiser, kernels = torch.optim.Adam(model.parameters(), lr=3e-3), []
        for _ in range(50):
            optimiser.zero_grad()
            log_rates, _, kl = model(counts[:, : case.OBSERVED, : case.HELDIN], case.BINS, draw=torch.randn)
            nll = (log_rates.exp() - counts * log_rates).mean()
            (nll + 0.02 * sum(value.mean() for value in kl.values())).backward()
            optimiser.step()
            kernels.append(model.potential.kernel.detach().double().flatten().clone())
        cosine = torch.nn.functional.cosine_similarity(kernels[0], kernels[-1], dim=0).item()
        assert lowest < cosine < highest, start


def test_dropout_and_noise_only_where_asked_for() -> None:
    model, counts = small(dropout=0.3), case.counts()[:, : case.OBSERVED, : case.HELDIN]
    means = [model.eval()(counts, case.BINS, draw=None)[0] for _ in range(2)]
    draws = [model(counts, case.BINS, draw=torch.randn)[0] for _ in range(2)]
    dropped = [model.train()(counts, case.BINS, draw=None)[0] for _ in range(2)]
    assert torch.equal(*means) and not torch.equal(*draws) and not torch.equal(*dropped)


def test_bins_outside_of_trials_cost_nothing() -> None:
    model, counts = small(), case.counts()[:, : case.OBSERVED, : case.HELDIN]
    counted = torch.ones(case.BINS, len(counts))
    whole = model(counts, case.BINS, draw=given_noise, counted=counted)[2]["path"]
    counted[3:, 0] = 0
    part = model(counts, case.BINS, draw=given_noise, counted=counted)[2]["path"]
    first = model(counts, 3, draw=lambda *shape: case.noise()[: shape[0]])[2]["path"]
    torch.testing.assert_close(whole, model(counts, case.BINS, draw=given_noise)[2]["path"])
    torch.testing.assert_close(part[1:], whole[1:])
    torch.testing.assert_close(part[0], first[0])
