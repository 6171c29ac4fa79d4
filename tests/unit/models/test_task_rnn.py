"""The task-trained network against its equations, as an inferred model, and with bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.task_rnn import TaskRNN, TaskRNNConfig
from task_runs import matches, reaches, trained


def network(trials: Trials, **config: object) -> TaskRNN:
    torch.manual_seed(0)
    return TaskRNN(TaskRNNConfig(**{"units": 10, **config}), DataSpec.of([trials])).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["potential", "rate"])
@pytest.mark.parametrize("constants", [(0.1,), (0.05, 0.2)])
def test_forward_is_the_equation(form: str, constants: tuple[float, ...]) -> None:
    trials = reaches(trials=4, valid=2, test=3)
    model = network(trials, form=form, time_constants_s=constants, nonlinearity="tanh")
    with torch.no_grad():
        model.initial.normal_()
        model.bias.normal_()
        model.output_bias.normal_()
    batch = Batch.of(trials.test)
    output = model(batch.observed)
    alpha = np.resize([0.01 / each for each in constants], 10)  # dealt out to units in turn
    w, w_in, b, w_out, b_out, a = (
        getattr(model, n).detach().double().numpy()
        for n in ("recurrent", "input", "bias", "output", "output_bias", "initial")
    )
    stimulus = batch.observed.signals["stimulus"].double().numpy()
    state = np.tile(a, (3, 1))
    for t in range(trials.bins):
        drive = stimulus[:, t] @ w_in.T + b
        if form == "potential":
            state = (1 - alpha) * state + alpha * (np.tanh(state) @ w.T + drive)
            activity = np.tanh(state)
        else:
            state = activity = (1 - alpha) * state + alpha * np.tanh(state @ w.T + drive)
        np.testing.assert_allclose(output.latents[:, t].detach(), activity, atol=2e-5)
        said = output.predictions["target"][:, t, :, 0].detach()
        np.testing.assert_allclose(said, activity @ w_out.T + b_out, atol=2e-5)


@pytest.mark.parametrize("form", ["potential", "rate"])
def test_stepping_is_the_forward_pass(form: str) -> None:
    trials = reaches(trials=4, valid=2, test=3)
    model = network(trials, form=form)
    batch = Batch.of(trials.test)
    with torch.no_grad():
        output = model(batch.observed)
        state = model.initial_state(3)
        for t in range(trials.bins):
            state = model.step(state, batch.observed.signals["stimulus"][:, t])
            torch.testing.assert_close(
                model.decode(state)["target"], output.predictions["target"][:, t], atol=1e-5, rtol=1e-4
            )


def test_inference_has_activity_and_predicted_targets() -> None:
    for trials, total in ((reaches(), None), (matches(), 1.0)):
        fitted = trained(trials, epochs=1)
        inferred = neurodyn.Estimator.transform(fitted, trials.test)
        assert not isinstance(inferred, list)
        assert inferred.rates is None and inferred.latents is not None and inferred.latents.shape[2] == 12
        said = inferred.extra["predicted_target"]
        assert said.shape == trials.test.signals["target"].values.shape
        if total is not None:
            np.testing.assert_allclose(said.sum(2), total, rtol=1e-5)  # probabilities


def test_initial_weights_have_the_spectral_radius_that_is_asked_for() -> None:
    trials = reaches(trials=4, valid=2, test=2)
    for gain in (0.5, 1.0):
        radius = torch.linalg.eigvals(network(trials, units=300, gain=gain).recurrent.detach()).abs().max()
        assert float(radius) == pytest.approx(1.5 * gain, rel=0.1)
    default, release = network(trials, gain=1.0), network(trials, mode="release")
    torch.testing.assert_close(release.output, 1.01 * default.output)
    torch.testing.assert_close(release.recurrent, default.recurrent)
    assert release.leak.alpha.tolist() == pytest.approx([0.1] * 10) and len(set(default.leak.alpha.tolist())) > 1


def test_noise_is_of_training_alone() -> None:
    trials = reaches(trials=4, valid=2, test=2)
    model, batch = network(trials, activity_noise=0.3), Batch.of(trials.test)
    torch.testing.assert_close(model(batch.observed).latents, model(batch.observed).latents)
    model.train()
    noisy = [model(batch.observed).latents for _ in range(2)]
    assert not torch.equal(noisy[0], noisy[1])


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no stimulus"):
        neurodyn.fit("task_rnn", np.zeros((20, 20, 4), int), bin_s=0.01, progress=False)
    trials = reaches(trials=4, valid=2, test=2)
    with pytest.raises(InvalidInput, match=r"time_constants_s.*at least a bin, 0.01 s"):
        network(trials, time_constants_s=(0.005,))
    with pytest.raises(InvalidInput, match="time_constants_s"):
        network(trials, units=2, time_constants_s=(0.1, 0.2, 0.3))


def test_saved_and_loaded_again(tmp_path: Path) -> None:
    trials = reaches()
    fitted = trained(trials, tmp_path / "run", dale=True, density=0.5)
    loaded = neurodyn.Estimator.load(tmp_path / "run")
    ours, theirs = (each.transform(trials.test).arrays() for each in (fitted, loaded))  # type: ignore[union-attr]
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert loaded.plan_ == fitted.plan_
