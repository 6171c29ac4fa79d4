"""A session joins a trained model: nothing else moves, and the new run is a run like any other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.data.splits import hold_out_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.models.parts.trial_averages import trial_averages

SMALL = dict(
    generator=8, factors=5, inferred_inputs=1, initial_condition=4, initial_condition_encoder=6, input_encoder=6, controller=5
)  # fmt: skip
TRAIN = {"epochs": 2}
NEW = ("read_in.{}.", "readouts.{}.")


def session(name: str, units: int = 12, seed: int = 0, trials: int = 48) -> Trials:
    """Eight conditions of one latent system, seen through units of the session's own."""
    time, phase = np.arange(18)[None, :, None], np.arange(8)[:, None, None] * np.pi / 4
    latents = np.concatenate([np.sin(0.4 * time + phase), np.cos(0.3 * time - phase)], 2)
    generator = np.random.default_rng(seed)
    condition = np.arange(trials) % 8
    rates = np.exp(latents @ generator.normal(0, 0.7, (2, units)) - 0.5)[condition]
    found = Trials.from_arrays(
        generator.poisson(rates), bin_s=0.02, conditions=condition, truth={"rates": rates}, forward=2, session=name
    )
    return split_trials(hold_out_units(found, 0.25), (0.6, 0.2, 0.2))


A, B, C = session("a"), session("b", 10, 1), session("c", 15, 2)


@pytest.fixture(scope="module")
def one() -> Estimator:
    return neurodyn.fit("lfads", A, train=TRAIN, progress=False, **SMALL)


@pytest.fixture(scope="module")
def two() -> Estimator:
    return neurodyn.fit("lfads", [A, B], train=TRAIN, progress=False, **SMALL)


@pytest.mark.parametrize("which", ["one", "two"])
def test_nothing_but_the_maps_of_the_new_session_moves(which: str, request: pytest.FixtureRequest) -> None:
    fitted: Estimator = request.getfixturevalue(which)
    old = [A] if which == "one" else [A, B]
    before, weights = fitted.transform(old), {n: v.clone() for n, v in fitted.model_.state_dict().items()}
    adapted = neurodyn.adapt(fitted, C, train=TRAIN)
    after = adapted.transform(old)
    for mine, theirs in zip(before, after):
        found = mine.arrays()
        assert all(np.array_equal(values, theirs.arrays()[name]) for name, values in found.items())
    now = adapted.model_.state_dict()
    assert all(torch.equal(now[name], value) for name, value in weights.items())
    new = tuple(part.format(len(old)) for part in NEW)
    assert {name for name in now if name not in weights} == {name for name in now if name.startswith(new)}
    assert all(torch.equal(value, fitted.model_.state_dict()[name]) for name, value in weights.items())
    assert len(fitted.model_.spec.sessions) == len(old)
    assert adapted.transform(C).rates.shape == (48, 18, 15)


def test_only_the_new_maps_are_trained_and_they_learn(one: Estimator) -> None:
    started = neurodyn.adapt(one, C, train={"epochs": 1, "learning_rate": 1e-12})
    trained = neurodyn.adapt(one, C, train={"epochs": 15})
    moved = {
        name
        for name, value in trained.model_.state_dict().items()
        if not torch.allclose(value, started.model_.state_dict()[name], atol=1e-6)
    }
    assert moved == {"read_in.1.map.weight", "read_in.1.map.bias", "readouts.1.map.weight", "readouts.1.map.bias"}
    assert started.fitted_.best_score > 0  # the readout was fitted to the factors before the first step
    learned = [row["train/counts_nll"] for row in trained.fitted_.history]
    assert np.mean(learned[-3:]) < np.mean(learned[:3])
    assert trained.plan_.train.weight_decay == 0 and started.plan_.train.epochs == 1


def test_the_start_is_aligned(one: Estimator) -> None:
    """What the new session's map gives on average is what the trained model's own units gave."""
    adapted = neurodyn.adapt(one, C, train={"epochs": 1, "learning_rate": 1e-12})
    kept = adapted.model_.shared_averages.averages()
    read_in = adapted.model_.read_in[1]
    seen, _ = trial_averages(C.train, read_in.standardise)
    mapped = seen.mapped(read_in.map.weight.detach().double().T, read_in.map.bias.detach().double())
    pairs = [(mapped.conditions[label].flatten(), kept.conditions[label].flatten()) for label in kept.conditions]
    assert torch.corrcoef(torch.stack([torch.cat(side) for side in zip(*pairs)]))[0, 1] > 0.8


def test_the_new_run_is_a_run_like_any_other(one: Estimator, tmp_path: Path) -> None:
    one.save(tmp_path / "one")
    folder = tmp_path / "with-c"
    adapted = neurodyn.adapt(tmp_path / "one", C, train=TRAIN, out=folder)
    loaded = Estimator.load(folder)
    assert np.array_equal(loaded.transform(C).rates, adapted.transform(C).rates)
    assert [s.name for s in loaded.model_.spec.sessions] == ["a", "c"]
    asked = dict(baselines=False, samples=0, metrics=["co_bps"])
    both = neurodyn.evaluate(folder, [A, C], **asked)
    assert [score.context["session"] for score in both] == ["a", "c"]
    alone = neurodyn.evaluate(folder, C, **asked)
    assert [s.value for s in alone] == [both[1].value] and len(loaded.run_.scores()) == 2
    changed = dataclasses.replace(C, session="a")
    with pytest.raises(InvalidInput, match="differ"):
        neurodyn.evaluate(folder, changed, **asked)
    again = neurodyn.adapt(folder, B, train=TRAIN)
    assert np.array_equal(again.transform(C).rates, adapted.transform(C).rates)
    assert [len(group["sessions"]) for group in again.data_["joined"]] == [1, 1]


def test_sessions_in_memory_are_evaluated_together(one: Estimator) -> None:
    adapted = neurodyn.adapt(one, C, train=TRAIN)
    scores = neurodyn.evaluate(adapted, baselines=False, samples=0, metrics=["co_bps"])
    assert [score.context["session"] for score in scores] == ["a", "c"]
    untrained = adapted.untrained(adapted.parts_.train)
    assert np.isfinite(untrained.infer(C).rates).all()


def test_two_sessions_may_join_at_once(one: Estimator) -> None:
    adapted = neurodyn.adapt(one, [B, C], train=TRAIN)
    assert [s.name for s in adapted.model_.spec.sessions] == ["a", "b", "c"]
    assert [i.rates.shape[2] for i in adapted.transform([C, B])] == [15, 10]


def test_what_cannot_join_is_refused_and_nothing_is_left(one: Estimator, tmp_path: Path) -> None:
    folder = tmp_path / "new"

    def refused(trials: Trials, match: str, **more: object) -> None:
        with pytest.raises(InvalidInput, match=match):
            neurodyn.adapt(one, trials, out=folder, **more)
        assert not folder.exists()

    refused(dataclasses.replace(C, session="a"), "a different name for each session")
    slow = dataclasses.replace(C, signals={"counts": dataclasses.replace(C.neural, bin_s=0.05)})
    refused(slow, "one bin width")
    refused(C, "batch_size", train={"batch_size": 500})
    refused(C, "finite", train={"learning_rate": 1e30, "gradient_clip": 1e30, "warmup_epochs": 0})
    named = [
        dataclasses.replace(
            t, signals={"counts": dataclasses.replace(t.neural, names=tuple(f"u{i}" for i in range(n)))}
        )
        for t, n in ((A, 12), (C, 15))
    ]
    trained = neurodyn.fit("lfads", named[0], train={"epochs": 1}, progress=False, **SMALL)
    with pytest.raises(InvalidInput, match="unit 'u0' in the sessions 'a' and 'c'"):
        neurodyn.adapt(trained, named[1])
    smoothing = neurodyn.fit("smoothing", A, progress=False)
    with pytest.raises(InvalidInput, match="stitches sessions"):
        neurodyn.adapt(smoothing, C)
