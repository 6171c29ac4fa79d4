"""What holds for every model: shapes, no leakage, masks, weights that round-trip, determinism."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract_stubs import TaskNetwork, Trained, fit_briefly, task
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.data.inference import Inference
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.objectives.base import Step
from neurodyn.training.run import Run


def _tensors(output: Output) -> dict[str, Tensor]:
    named: dict[str, Any] = {"latents": output.latents, "inputs": output.inputs}
    for group in ("predictions", "kl", "penalty", "hidden"):
        named |= {f"{group}/{name}": value for name, value in getattr(output, group).items()}
    return {name: value for name, value in named.items() if value is not None}


def _same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(np.asarray(a[n]), np.asarray(b[n]), equal_nan=True) for n in a)


def _forward(model: Model, batch: Batch, *, training: bool) -> dict[str, Tensor]:
    model.train(training)
    torch.manual_seed(0)
    with torch.no_grad():
        output = model(batch.observed, batch.privileged if training and model.uses_privileged else None)
    model.eval()
    return _tensors(output)


def _changed(trials: Trials, role: str, where: np.ndarray) -> Trials:
    """The trials with other values in signals of a role where `where`, broadcast over the signal, is true."""
    rng = np.random.default_rng(9)
    signals = dict(trials.signals)
    for name, signal in trials.of_role(role).items():
        values = np.asarray(signal.values)
        if values.ndim < 3 or values.shape[1] != trials.bins:
            continue
        other = rng.integers(5, 9, values.shape)
        signals[name] = dataclasses.replace(signal, values=np.where(where, other, values).astype(values.dtype))
    return dataclasses.replace(trials, signals=signals)


def _outside(trials: Trials) -> Trials:
    """The trials with other values of everything outside the mask."""
    for role in ("neural", "behaviour", "stimulus", "input", "target"):
        trials = _changed(trials, role, ~trials.mask[..., None])
    return trials


def test_shapes(trained: Trained) -> None:
    model = trained.estimator.model_
    for index, trials in enumerate(trained.sessions):
        batch = Batch.of(trials, np.arange(5), index)
        with torch.no_grad():
            output = model(batch.observed)
        assert output.predictions
        given = {**batch.observed.signals, **batch.privileged, **batch.targets}
        for name, parameters in output.predictions.items():
            assert parameters.shape == (*given[name].shape, model.observation(name).parameters_per_channel)
            assert torch.isfinite(parameters).all()
        for values in (output.latents, output.inputs):
            assert values is None or values.shape[:2] == (5, trials.bins)
        assert all(values.shape == (5,) and (values >= 0).all() for values in output.kl.values())
        assert all(values.ndim == 0 for values in output.penalty.values())


def test_infer_gives_recorded_order_and_does_not_depend_on_the_batch(trained: Trained) -> None:
    model = trained.estimator.model_
    for trials in trained.sessions:
        whole, parts = model.infer(trials), model.infer(trials, batch_size=7)
        for name, values in whole.arrays().items():
            np.testing.assert_allclose(values, parts.arrays()[name], rtol=1e-4, atol=1e-5)
        if trials.neural_name is not None:
            assert whole.rates is not None and whole.rates.shape == trials.counts.shape
            batch = Batch.of(trials, session=trained.sessions.index(trials))
            name = trials.neural_name
            with torch.no_grad():
                mean = model.observation(name).mean(model(batch.observed).predictions[name]).numpy()
            np.testing.assert_allclose(whole.rates[:, :, trials.unit_order], mean, rtol=1e-4, atol=1e-5)


def test_rates_come_from_the_latents(trained: Trained) -> None:
    """A model of the library that has latents decodes rates from them: with its own it says what it said."""
    model = trained.estimator.model_
    for index, trials in enumerate(trained.sessions):
        observed = Batch.of(trials, session=index).observed
        with torch.no_grad():
            output = model(observed)
            assert isinstance(trained.case.model, type) or model.decodes_latents == (output.latents is not None)
            if not model.decodes_latents or output.latents is None:
                with pytest.raises(InvalidInput, match="rates_from"):
                    model.rates_from(torch.zeros(len(trials), trials.bins, 1), output, observed)
                continue
            again = model.rates_from(output.latents, output, observed)
            assert set(again) == ({trials.neural_name} if trials.neural_name else set(output.predictions))
            for name, parameters in again.items():
                torch.testing.assert_close(parameters, output.predictions[name], rtol=1e-5, atol=1e-5)
            moved = model.rates_from(output.latents.roll(1, 0), output, observed)
            assert any(not torch.equal(moved[name], again[name]) for name in again)


@pytest.mark.parametrize("training", [False, True])
def test_nothing_hidden_leaks(trained: Trained, training: bool) -> None:
    """Other held-out units, forward bins, targets and (but for privileged models in training) behaviour: not a bit moves."""
    model = trained.estimator.model_
    for index, trials in enumerate(trained.sessions):
        hidden = np.zeros((1, trials.bins, max(trials.units, 1)), bool)
        hidden[:, :, trials.heldout] = True
        hidden[:, trials.observed_bins :] = True
        other = _changed(trials, "target", np.array(True))
        if trials.neural_name is not None:
            other = _changed(other, "neural", hidden & trials.mask[..., None])
        if not (model.uses_privileged and training):
            other = _changed(other, "behaviour", np.array(True))
        mine, theirs = Batch.of(trials, session=index), Batch.of(other, session=index)
        assert not _same({**mine.targets, **mine.privileged}, {**theirs.targets, **theirs.privileged})
        assert _same(_forward(model, mine, training=training), _forward(model, theirs, training=training))


def test_infer_sees_no_behaviour(trained: Trained) -> None:
    for trials in trained.sessions:
        blind = dataclasses.replace(
            trials, signals={n: s for n, s in trials.signals.items() if s.role not in ("behaviour", "target")}
        )
        seen, unseen = (trained.estimator.model_.infer(t, samples=2) for t in (trials, blind))
        assert _same(seen.arrays(), unseen.arrays())


def test_what_is_masked_out_never_matters(trained: Trained) -> None:
    """Neither to outputs, nor to the loss, nor to gradients."""
    model = trained.estimator.model_
    objective = trained.estimator.plan_.build_objective(model)
    for index, trials in enumerate(trained.sessions):
        found = []
        for version in (trials, _outside(trials)):
            batch = Batch.of(version, session=index)
            outputs = _forward(model, batch, training=False)
            model.train()
            torch.manual_seed(0)
            model.zero_grad()
            loss = objective(model(batch.observed, batch.privileged if model.uses_privileged else None), batch, Step())
            gradients = {}
            if loss.total.requires_grad:
                loss.total.backward()
                gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            model.zero_grad()
            model.eval()
            found.append({**outputs, "total": loss.total.detach(), **loss.terms, **gradients})
        assert any(not np.array_equal(s.values, _outside(trials).signals[n].values) for n, s in trials.signals.items())
        for name, value in found[0].items():
            if model.uses_privileged and name.startswith("behave"):
                continue  # this stub reads behaviour bin by bin, masked bins included; the loss does not
            assert np.array_equal(np.asarray(value), np.asarray(found[1][name])), name


def test_weights_round_trip_without_pickle(trained: Trained) -> None:
    model, again = trained.estimator.model_, Run.open(trained.run).model()
    assert type(again) is type(model) and again.config == model.config
    assert (trained.run / "best.safetensors").stat().st_size > 0
    for trials in trained.sessions:
        assert _same(model.infer(trials).arrays(), again.infer(trials).arrays())


def test_same_seed_same_model(trained: Trained) -> None:
    again = fit_briefly(trained.case, trained.case.data())
    mine, theirs = trained.estimator.model_.state_dict(), again.model_.state_dict()
    assert _same(mine, theirs)


def test_resumed_training_ends_with_the_same_weights(trained: Trained, tmp_path: Path) -> None:
    data = trained.case.data()
    ends = []
    for lengths in ((3,), (1, 3)):
        out = tmp_path / str(len(lengths))
        for epochs in lengths:
            estimator = fit_briefly(trained.case, data, out, epochs=epochs, resume=True)
        ends.append(estimator.model_.state_dict())
    assert _same(*ends)


def test_run_holds_all_that_decided_it(trained: Trained) -> None:
    run = Run.open(trained.run)
    assert run.plan == trained.estimator.plan_
    assert run.spec == trained.estimator.model_.spec
    rows = run.history()
    assert 1 <= len(rows) <= 2
    assert all(np.isfinite(rows[-1][name]) for name in ("valid/score", "valid/total", "cpu_s"))


def test_evaluates(trained: Trained) -> None:
    from neurodyn.metrics.base import Evaluation, score_all

    for trials in trained.sessions:
        splits = {name: trials.part(name) for name in ("train", "valid", "test")}
        inferred: dict[Any, Inference] = {n: trained.estimator.model_.infer(t) for n, t in splits.items()}
        scores = score_all(Evaluation(splits, inferred), draws=20)
        assert all(np.isfinite(score.value) and score.n == 8 and score.definition for score in scores)
        predicts_counts = inferred["test"].rates is not None
        assert ("co_bps" in {score.name for score in scores}) == predicts_counts


def test_dynamics_unroll_to_the_forward_pass() -> None:
    trials = task()
    model = TaskNetwork(TaskNetwork.Config(), DataSpec.of(trials))
    batch = Batch.of(trials)
    output = model(batch.observed)
    state = model.initial_state(len(trials))
    for t in range(trials.bins):
        state = model.step(state, batch.observed.signals["input"][:, t])
        torch.testing.assert_close(model.decode(state)["target"], output.predictions["target"][:, t])


def test_dynamics_are_offered_or_refused(trained: Trained) -> None:
    model = trained.estimator.model_
    if model.has_dynamics:
        assert model.initial_state(3).shape[0] == 3
    else:
        with pytest.raises(ValueError, match="initial_state, step and decode"):
            model.initial_state(3)
