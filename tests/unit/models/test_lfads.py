"""LFADS against its own equations written plainly, and against numbers known in advance."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from plain_lfads import terms

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout
from neurodyn.data.transforms.window_shift import WindowShift
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models import lfads
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig

SMALL = dict(
    generator=7, factors=5, inferred_inputs=2, initial_condition=4, initial_condition_encoder=6, input_encoder=6, controller=5
)  # fmt: skip


def make_trials(n: int = 8, bins: int = 12, units: int = 9, forward: int = 3, **extra: object) -> Trials:
    counts = np.random.default_rng(0).poisson(0.5, (n, bins, units))
    return Trials.from_arrays(counts, bin_s=0.02, heldin=np.arange(0, units, 2), forward=forward, **extra)


def build(trials: Trials, seed: int = 0, **config: object) -> LFADS:
    torch.manual_seed(seed)
    return LFADS(LFADSConfig(**{**SMALL, **config}), DataSpec.of(trials))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 2e-5)])
@pytest.mark.parametrize("encoder", [6, 4])
@pytest.mark.parametrize("clip", [5.0, 0.3])
def test_loss_and_gradients_equal_the_plain_form(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, tolerance: float, encoder: int, clip: float
) -> None:
    trials = make_trials()
    model = build(trials, input_encoder=encoder, lag=2, cell_clip=clip).train()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    batch = Batch.of(trials)
    masks: list[torch.Tensor] = []
    own = torch.Generator().manual_seed(3)

    def recorded(shape: tuple[int, ...], rate: float, **_: object) -> torch.Tensor:
        masks.append((torch.rand(shape, generator=own) > rate).double() / (1 - rate))
        return masks[-1].to(dtype)

    monkeypatch.setattr(lfads, "keep_mask", recorded)
    model = model.to(dtype)
    counts, target = batch.observed.neural, batch.targets["counts"]
    batch.observed.signals["counts"] = counts.to(dtype)
    torch.manual_seed(1)
    if dtype == torch.float32:  # the same noise in both precisions
        monkeypatch.setattr(torch, "randn_like", lambda x: torch.ones_like(x) * 0.3)
        monkeypatch.setattr(torch.Tensor, "normal_", lambda x: x.fill_(0.7))
    fast = model(batch.observed)
    weights = [torch.randn(8, 12, 9).double(), torch.rand(8).double(), torch.rand(8).double()]
    made = fast.predictions["counts"][..., 0], fast.kl["initial_condition"], fast.kl["inputs"]
    loss = sum((w.to(dtype) * v).sum() for w, v in zip(weights, made))
    loss.backward()
    gradients = {n: p.grad.double().clone() for n, p in model.named_parameters()}

    model = model.double()
    model.zero_grad()
    torch.manual_seed(1)
    if dtype == torch.float64:  # drawn as the fast form draws: nothing else touches the global generator
        torch.manual_seed(1)
    plain = terms(model, counts.double(), 12, iter(masks))
    expected = sum((w * v).sum() for w, v in zip(weights, plain.values()))
    expected.backward()
    assert torch.allclose(loss.double(), expected, rtol=tolerance, atol=tolerance)
    for name, p in model.named_parameters():
        scale = p.grad.abs().max().clamp_min(1.0)
        assert (gradients[name] - p.grad).abs().max() / scale < tolerance, name
    assert target.shape == (8, 12, 9)


def test_parameter_count_of_the_two_area_model() -> None:
    trials = Trials.from_arrays(np.zeros((2, 100, 30), int), bin_s=0.01)
    config = LFADSConfig(
        generator=10, factors=0, inferred_inputs=2, initial_condition=10, initial_condition_encoder=100, input_encoder=80, controller=80
    )  # fmt: skip
    model = LFADS(config, DataSpec.of(trials))
    count = {n: sum(p.numel() for p in m.parameters()) for n, m in model.named_children()}
    assert count["initial_encoder"] + model.initial_encoder_start.numel() == 78_800
    assert count["initial_posterior"] == 4_020
    assert count["input_encoder"] + model.input_encoder_start.numel() == 53_440
    assert count["controller"] + model.controller_start.numel() == 60_320
    assert (count["input_posterior"], count["to_generator"], count["generator"]) == (324, 110, 390)
    assert (count["readouts"], count["input_prior"], count["initial_prior"]) == (330, 4, 10)
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 197_748


def test_shapes_and_forward_bins() -> None:
    trials = make_trials()
    out = build(trials).eval()(Batch.of(trials).observed)
    assert out.predictions["counts"].shape == (8, 12, 9, 1)
    assert out.latents is not None and out.latents.shape == (8, 12, 5)
    assert out.inputs is not None and out.inputs.shape == (8, 12, 2)
    assert {n: tuple(k.shape) for n, k in out.kl.items()} == {"initial_condition": (8,), "inputs": (8,)}


def test_the_controller_never_sees_the_current_bin() -> None:
    """A change of one bin of the input moves the lagged encodings everywhere but where both directions are a lag away from it."""
    trials = make_trials(bins=12, forward=0)
    for lag in (1, 2):
        model = build(trials, lag=lag).eval()
        x = torch.randn(12, 1, 5)
        changed = x.clone()
        changed[6] += 1
        with torch.no_grad():
            difference = (model._encode(changed)[1] - model._encode(x)[1]).abs()[:, 0]  # type: ignore[operator]
        forward, backward = difference[:, :6].sum(1) > 0, difference[:, 6:].sum(1) > 0
        assert forward.tolist() == [t >= 6 + lag for t in range(12)]
        assert backward.tolist() == [t <= 6 - lag for t in range(12)]


def test_causal_inputs_do_not_depend_on_the_future() -> None:
    trials = make_trials(forward=0)
    model = build(trials, causal=True).eval()
    x = torch.randn(12, 3, 5)
    later = x.clone()
    later[8:] += 1
    with torch.no_grad():
        a, b = model._encode(x)[1], model._encode(later)[1]
    assert a is not None and b is not None
    assert torch.equal(a[:9], b[:9]) and not torch.equal(a[9:], b[9:])


def test_row_normalised_factors_ignore_the_scale_of_their_weight() -> None:
    trials = make_trials()
    model = build(trials).eval()
    before = model(Batch.of(trials).observed).predictions["counts"]
    with torch.no_grad():
        model.factor_weight.mul_(7)
    assert torch.allclose(before, model(Batch.of(trials).observed).predictions["counts"], atol=1e-5)


def test_the_first_bin_is_one_step_after_the_initial_condition() -> None:
    trials = make_trials()
    model = build(trials, inferred_inputs=0).eval()
    out = model(Batch.of(trials).observed)
    g = model.to_generator(out.hidden["initial_condition"])
    first = model.step(g, torch.zeros(8, 0))
    assert torch.allclose(out.hidden["state"][:, 0], first, atol=1e-6)
    assert torch.allclose(out.predictions["counts"][:, 0], model.decode(first)["counts"], atol=1e-5)
    assert out.inputs is None and set(out.kl) == {"initial_condition"}


def test_known_inputs_reach_the_generator_and_are_zero_when_short() -> None:
    trials = make_trials(inputs=np.random.default_rng(1).normal(size=(8, 12, 2)))
    batch = Batch.of(trials)
    model = build(trials, inferred_inputs=0, known_inputs=True).eval()
    base = model(batch.observed).latents
    signals = {**batch.observed.signals, "input": batch.observed.signals["input"].clone()}
    signals["input"][:, 5] += 1
    moved = model(type(batch.observed)(signals, batch.observed.mask, 12, "counts")).latents
    changed = (moved - base).abs().sum((0, 2)) > 0
    assert changed.tolist() == [t >= 5 for t in range(12)]
    assert build(trials, known_inputs=False).eval()(batch.observed).latents is not None
    with pytest.raises(InvalidInput, match="known_inputs"):
        build(make_trials(), known_inputs=True)


def test_prepare_starts_at_the_mean_rates_and_standardises() -> None:
    trials = make_trials()
    model = build(trials)
    model.prepare([trials])
    mean = trials.counts[:, :, trials.unit_order].mean((0, 1))
    assert np.allclose(model.readouts[0].map.bias.detach().exp(), mean, rtol=1e-4)
    scaled = model.read_in[0].standardise(Batch.of(trials).observed.neural, Batch.of(trials).observed.mask)
    assert torch.allclose(scaled.mean((0, 1)), torch.zeros(5), atol=1e-5)
    assert torch.allclose(scaled.std((0, 1)), torch.ones(5), atol=1e-3)


def test_bins_outside_the_mask_stay_zero() -> None:
    mask = np.ones((8, 12), bool)
    mask[:4, 6:] = False
    trials = make_trials(mask=mask)
    model = build(trials)
    model.prepare([trials])
    observed = Batch.of(trials).observed
    assert model.read_in[0].standardise(observed.neural, observed.mask)[:4, 6:].abs().max() == 0


def test_prepare_reads_nothing_outside_the_mask() -> None:
    mask = np.ones((8, 12), bool)
    mask[:4, 6:] = False
    values = np.random.default_rng(2).gamma(2.0, 1.0, (8, 12, 9)).astype(np.float32)
    values[~mask] = np.nan
    trials = Trials.from_arrays(fluorescence=values, bin_s=0.1, mask=mask)
    model = build(trials)
    model.prepare([trials])
    assert np.allclose(model.readouts[0].map.bias.detach()[:9], values[mask].mean(0), rtol=1e-5)


def test_prepare_reads_no_unknown_counts() -> None:
    trials = make_trials()
    known = np.ones(trials.counts.shape, bool)
    known[:3, :, trials.heldout] = False
    neural = dataclasses.replace(trials.neural, values=np.where(known, trials.counts, 0), mask=known)
    model = build(trials)
    model.prepare([dataclasses.replace(trials, signals={**trials.signals, "counts": neural})])
    mean = trials.counts[3:, :, trials.heldout].mean((0, 1))
    assert np.allclose(model.readouts[0].map.bias.detach().exp()[len(trials.heldin) :], mean, rtol=1e-4)


def test_a_unit_silent_in_training_does_not_flood_the_encoder() -> None:
    trials = make_trials()
    trials.signals["counts"].values[:4, :, 0] = 0
    trials.signals["counts"].values[4:, :, 0] = 3
    model = build(trials)
    model.prepare([trials.select(np.arange(4))])
    observed = Batch.of(trials).observed
    assert model.read_in[0].standardise(observed.neural, observed.mask).abs().max() < 20


def test_modes_differ_as_documented_in_training() -> None:
    """One-sample KL, and dropout of known inputs, in `release` and `paper`; neither in `default`."""
    trials = make_trials(inputs=np.ones((8, 12, 2)))
    observed = Batch.of(trials).observed
    for mode in ("default", "release", "paper"):
        model = build(trials, mode=mode, known_inputs=True).train()
        dropped = bool((model._known_inputs(observed) == 0).any())
        posterior = torch.zeros(12, 8, 2), torch.zeros(12, 8, 2)
        sampled = not torch.equal(model._inputs_kl(*posterior, None), model._inputs_kl(*posterior, None))
        assert (dropped, sampled) == (mode != "default", mode != "default"), mode


def test_modes_choose_transforms_and_the_kl() -> None:
    trials = make_trials(table=pd.DataFrame({"start_bin": np.arange(8) * 12}))
    kinds = {mode: [type(t) for t in build(trials, mode=mode).transforms()] for mode in ("default", "release", "paper")}
    assert kinds == {"default": [WindowShift, CoordinatedDropout], "release": [CoordinatedDropout], "paper": []}
    sums = build(trials, input_prior="normal").eval()(Batch.of(trials).observed).kl["inputs"]
    means = build(trials, input_prior="normal", mode="release").eval()(Batch.of(trials).observed).kl["inputs"]
    assert torch.allclose(sums, 12 * means, rtol=1e-5)
    released = build(trials, mode="release")
    released.prepare([trials])
    assert released.readouts[0].map.bias.abs().max() == 0 and not released.read_in[0].standardise.fitted


def test_training_is_deterministic() -> None:
    trials = make_trials()

    def losses() -> list[float]:
        model = build(trials).train()
        model.prepare([trials])
        objective, out = ELBO(ELBOConfig(), model), []
        optimiser = torch.optim.Adam(model.parameters(), 1e-2)
        for step in range(4):
            batch = CoordinatedDropout()(Batch.of(trials), torch.Generator().manual_seed(step))
            torch.manual_seed(step)
            optimiser.zero_grad()
            loss = objective(model(batch.observed), batch, Step(step, step)).total
            loss.backward()
            optimiser.step()
            out.append(loss.item())
        return out

    assert losses() == losses()


@pytest.mark.parametrize(("name", "value"), [("dropout", 1.0), ("generator", 0), ("coordinated_dropout", 1.5)])
def test_wrong_options_are_named(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=name):
        LFADSConfig(**{name: value})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_runs_on_a_gpu() -> None:
    trials = make_trials()
    model = build(trials).cuda().train()
    batch = Batch.of(trials).to("cuda")
    ELBO(ELBOConfig(), model)(model(batch.observed), batch, Step()).total.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())
