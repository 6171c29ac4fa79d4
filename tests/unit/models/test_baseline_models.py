"""Mean rate, smoothing, GLM and GPFA: known answers, leakage, masks, sessions, weights that load into a fresh model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from neurodyn import registry
from neurodyn.data.batch import Batch
from neurodyn.data.inference import Inference
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.co_bps import CoBPS
from neurodyn.metrics.fp_bps import FpBPS
from neurodyn.metrics.rate_r2 import RateR2
from neurodyn.models.base import Model

NAMES = ("mean_rate", "smoothing", "glm", "gpfa")
SMALL = {
    "mean_rate": {},
    "smoothing": {"widths": (1.0, 3.0), "strengths": (0.3, 10.0)},
    "glm": {"widths": (1.0, 2.0), "lags": (2,), "components": (30,), "reaches": (0.5,), "histories": (1.0,)},
    "gpfa": {"candidates": (2, 3), "iterations": 20},
}
SPLITS = ("train", "valid", "test")


def population(
    seed: int = 0, units: int = 12, heldin: int = 9, session: str = "a", bins: int = 30, forward: int = 5
) -> dict[str, Trials]:
    """Log rates linear in two slow latents: what a linear readout should recover. Recorded order mixes held-in and held-out units."""
    generator = np.random.default_rng(seed)
    readout = 0.8 * generator.normal(size=(2, units))
    order = np.sort(generator.permutation(units)[:heldin])
    found = {}
    for split, n in zip(SPLITS, (80, 40, 40)):
        time = np.arange(bins)
        phase = generator.uniform(0, 2 * np.pi, (n, 1))
        latents = np.stack([np.cos(phase + 0.25 * time), np.sin(phase + 0.25 * time)], 2)
        rates = np.exp(latents @ readout)
        found[split] = Trials.from_arrays(
            generator.poisson(rates),
            bin_s=0.02,
            heldin=order,
            forward=forward,
            truth={"rates": rates},
            session=session,
        )
    return found


def solved(name: str, *sessions: dict[str, Trials], **changes: object) -> Model:
    cls = registry.load("models", name)
    model: Model = cls(cls.Config(**{**SMALL[name], **changes}), DataSpec.of([s["train"] for s in sessions]))
    model.solve([s["train"] for s in sessions], [s["valid"] for s in sessions])
    return model


def evaluated(model: Model, data: dict[str, Trials]) -> Evaluation:
    return Evaluation(data, {s: model.infer(data[s]) for s in SPLITS})


@pytest.fixture(scope="module")
def data() -> dict[str, Trials]:
    return population()


@pytest.fixture(scope="module")
def models(data: dict[str, Trials]) -> dict[str, Model]:
    return {name: solved(name, data) for name in NAMES}


def test_mean_rate_is_the_mean_of_the_training_counts(data: dict[str, Trials], models: dict[str, Model]) -> None:
    rates = models["mean_rate"].infer(data["test"]).rates
    expected = np.broadcast_to(data["train"].counts.mean((0, 1)), rates.shape)
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_trials_of_another_bin_width_are_refused(data: dict[str, Trials], models: dict[str, Model], name: str) -> None:
    test = data["test"]
    coarse = Trials.from_arrays(
        test.counts, bin_s=4 * test.bin_s, heldin=test.heldin, forward=test.forward, session=test.session
    )
    with pytest.raises(InvalidInput, match=rf"--data.bin-s {test.bin_s:g}"):
        models[name].infer(coarse)


def test_a_silent_training_unit_keeps_a_finite_log_rate() -> None:
    silent = population()
    for trials in silent.values():
        trials.counts[:, :, 4] = 0
    for name in NAMES:
        rates = solved(name, silent).infer(silent["test"]).rates
        assert np.isfinite(rates).all() and (rates > 0).all() and rates[:, :, 4].mean() < 0.05


def test_glm_recovers_a_linear_poisson_population(data: dict[str, Trials], models: dict[str, Model]) -> None:
    scores = {n: evaluated(m, data) for n, m in models.items()}
    ceiling = Evaluation(data, {s: Inference(0.02, rates=t.truth["rates"]) for s, t in data.items()})
    co = {n: CoBPS().measure(e).value for n, e in scores.items()}
    fp = {n: FpBPS().measure(e).value for n, e in scores.items()}
    assert co["glm"] > 0.85 * CoBPS().measure(ceiling).value
    assert co["glm"] > co["smoothing"] > co["mean_rate"]
    assert fp["glm"] > 0.6 * FpBPS().measure(ceiling).value
    assert fp["glm"] > fp["smoothing"] and fp["glm"] > fp["mean_rate"]
    assert RateR2().measure(scores["glm"]).value > 0.8
    assert RateR2().measure(scores["smoothing"]).value > 0.3


def test_without_anything_to_predict_the_mean_is_not_left_behind() -> None:
    generator = np.random.default_rng(5)
    mean = generator.uniform(0.05, 0.5, 10)
    noise = {
        s: Trials.from_arrays(generator.poisson(mean, (n, 20, 10)), bin_s=0.02, heldin=range(7), forward=4)
        for s, n in zip(SPLITS, (100, 50, 50))
    }
    for name in ("smoothing", "glm", "gpfa"):
        e = evaluated(solved(name, noise), noise)
        assert -0.02 < CoBPS().measure(e).value < 0.02
        assert -0.03 < FpBPS().measure(e).value < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_heldout_units_and_forward_bins_of_scored_trials_move_nothing(
    name: str, data: dict[str, Trials], models: dict[str, Model]
) -> None:
    test = data["test"]
    counts = test.counts.copy()
    counts[:, test.observed_bins :] += 3
    counts[:, :, test.heldout] += 2
    other = Trials.from_arrays(counts, bin_s=0.02, heldin=test.heldin, forward=test.forward, session="a")
    np.testing.assert_array_equal(models[name].infer(test).rates, models[name].infer(other).rates)


@pytest.mark.parametrize("name", NAMES)
def test_masked_bins_move_nothing(name: str) -> None:
    results = []
    for filler in (0, 7):
        data = population(seed=2)
        masked = {}
        for split, trials in data.items():
            mask, counts = trials.mask.copy(), trials.counts.copy()
            mask[::3, :6] = False
            counts[~mask] = filler
            masked[split] = Trials.from_arrays(
                counts, bin_s=0.02, heldin=trials.heldin, forward=trials.forward, mask=mask, session="a"
            )
        results.append(solved(name, masked).infer(masked["test"]).rates)
    np.testing.assert_array_equal(*results)
    assert np.isfinite(results[0]).all()


@pytest.mark.parametrize("name", NAMES)
def test_unknown_counts_move_nothing(name: str) -> None:
    results = []
    for filler in (0, 7):
        data = {}
        for split, trials in population(seed=2).items():
            known, counts = np.ones(trials.counts.shape, bool), trials.counts.copy()
            known[np.ix_(range(0, len(trials), 3), range(6), trials.heldout)] = False
            known[1::4, trials.observed_bins :] = False
            counts[~known] = filler
            neural = dataclasses.replace(trials.neural, values=counts, mask=known)
            data[split] = dataclasses.replace(trials, signals={"counts": neural})
        results.append(solved(name, data).infer(data["test"]).rates)
    np.testing.assert_array_equal(*results)


def test_smoothing_does_not_take_unknown_counts_for_zeros() -> None:
    means = []
    for share in (0.0, 0.5):
        data = {}
        for split, trials in population(seed=2).items():
            known = np.random.default_rng(1).random(trials.counts.shape) >= share
            known[..., trials.heldout] = True
            neural = dataclasses.replace(trials.neural, mask=known)
            data[split] = dataclasses.replace(trials, signals={"counts": neural})
        test = data["test"]
        rates = solved("smoothing", data).infer(test).rates
        assert rates is not None
        means.append(rates[:, : test.observed_bins, test.heldin].mean())
    assert means[1] == pytest.approx(means[0], rel=0.05)


def test_a_fit_without_a_bin_to_fit_to_is_refused() -> None:
    data = population(seed=2)
    known = np.ones(data["train"].counts.shape, bool)
    known[:, :, data["train"].heldout[0]] = False
    neural = dataclasses.replace(data["train"].neural, mask=known)
    data["train"] = dataclasses.replace(data["train"], signals={"counts": neural})
    for name in ("smoothing", "glm"):
        with pytest.raises(InvalidInput, match=r"^counts: got no bin of a training trial in which every unit"):
            solved(name, data)


@pytest.mark.parametrize("name", NAMES)
def test_weights_load_into_a_fresh_model(
    name: str, data: dict[str, Trials], models: dict[str, Model], tmp_path: Path
) -> None:
    model = models[name]
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    fresh = type(model)(model.config, DataSpec.from_mapping(model.spec.as_mapping()))
    fresh.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=True)
    np.testing.assert_array_equal(fresh.infer(data["test"]).rates, model.infer(data["test"]).rates)


@pytest.mark.parametrize("name", NAMES)
def test_sessions_of_different_size_are_solved_each_by_itself(name: str, data: dict[str, Trials]) -> None:
    other = population(seed=1, units=8, heldin=6, session="b", bins=26, forward=5)
    together = solved(name, other, data)
    rates = together.infer(other["test"]).rates
    np.testing.assert_array_equal(rates, solved(name, other).infer(other["test"]).rates)
    assert together.infer(data["test"]).rates.shape == (40, 30, 12)


@pytest.mark.parametrize("name", NAMES)
def test_solving_twice_gives_the_same(name: str, data: dict[str, Trials], models: dict[str, Model]) -> None:
    again = solved(name, data)
    for key, value in models[name].state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], value, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_held_out_and_no_forward_bins(name: str) -> None:
    data = population(units=8, heldin=8, forward=0)
    e = evaluated(solved(name, data), data)
    assert e.inferred["test"].rates.shape == (40, 30, 8)
    assert RateR2().measure(e).value > (0.3 if name != "mean_rate" else -0.1)


def test_glm_with_few_rows_allowed_still_fits(data: dict[str, Trials], models: dict[str, Model]) -> None:
    few = solved("glm", data, most_entries=40_000)
    full, part = (CoBPS().measure(evaluated(m, data)).value for m in (models["glm"], few))
    assert 0.5 * full < part < full + 0.02


def test_forward_sees_tensors_only(data: dict[str, Trials], models: dict[str, Model]) -> None:
    observed = Batch.of(data["test"]).observed
    for model in models.values():
        output = model(observed)
        assert output.predictions["counts"].shape == (40, 30, 12, 1)
        assert not output.predictions["counts"].requires_grad


def test_fluorescence_is_refused_by_name_and_taken_by_the_mean() -> None:
    values = np.random.default_rng(0).normal(size=(6, 10, 3))
    trials = Trials.from_arrays(fluorescence=values, bin_s=0.1, heldin=[0, 1], forward=2)
    spec = DataSpec.of(trials)
    for name in ("smoothing", "glm", "gpfa"):
        cls = registry.load("models", name)
        with pytest.raises(InvalidInput, match=f"spike counts for the model {name}"):
            cls(cls.Config(), spec)
    cls = registry.load("models", "mean_rate")
    model = cls(cls.Config(), spec)
    model.solve([trials], [trials])
    np.testing.assert_allclose(model.infer(trials).rates[0, 0], values.mean((0, 1)), rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "field", "bad"),
    [
        ("smoothing", "widths", (0.0,)),
        ("smoothing", "strengths", ()),
        ("smoothing", "folds", 1),
        ("glm", "widths", ()),
        ("glm", "lags", (-1,)),
        ("glm", "folds", 1),
        ("glm", "components", (0,)),
        ("glm", "histories", (0.0,)),
        ("gpfa", "candidates", ()),
        ("gpfa", "candidates", (0,)),
        ("gpfa", "latents", 0),
        ("gpfa", "timescale_s", 0.0),
        ("gpfa", "segment_bins", 1),
        ("gpfa", "iterations", 0),
        ("gpfa", "tolerance", -1.0),
    ],
)
def test_bad_options_are_named(name: str, field: str, bad: object) -> None:
    with pytest.raises(InvalidInput, match=field):
        registry.load("models", name).Config(**{field: bad})
