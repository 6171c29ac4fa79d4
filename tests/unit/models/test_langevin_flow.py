"""LangevinFlow: exact KL, alignment, a bound that is one, physics that does not depend on the bin, inference bin by bin."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.splits import hold_out_units
from neurodyn.data.trials import Trials
from neurodyn.errors import UnknownName
from neurodyn.models.langevin_flow import LangevinFlow
from neurodyn.models.parts.langevin_config import LangevinFlowConfig
from neurodyn.models.parts.langevin_path import path_kl
from neurodyn.models.parts.published_langevin import PublishedConfig
from neurodyn.objectives.base import Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig

INTEGRATORS = ("baoab", "obabo", "velocity_verlet", "euler_maruyama", "release")


def some_trials(trials: int = 12, bins: int = 14, forward: int = 4, bin_s: float = 0.02, **changes: Any) -> Trials:
    counts = np.random.default_rng(0).poisson(0.6, (trials, bins, 9))
    made = Trials.from_arrays(counts, bin_s=bin_s, **changes)
    return dataclasses.replace(hold_out_units(made, heldout=np.array([1, 6])), forward=forward)


def model_of(trials: Trials, **options: Any) -> LangevinFlow:
    torch.manual_seed(0)
    options = {"size": 8, "encoder": 10, "decoder_hidden": 12, **options}
    model = LangevinFlow(LangevinFlowConfig(**options), DataSpec.of(trials))
    model.prepare([trials])
    with torch.no_grad():  # nothing is at zero, where signs and gains do not show
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def log_rates(model: LangevinFlow, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return next(iter(model(batch.observed).predictions.values())).squeeze(-1)


def test_path_kl_is_the_expected_log_ratio() -> None:
    torch.manual_seed(0)
    a, rho = torch.tensor([0.7, -1.2, 0.0]), torch.tensor([-0.8, 0.3, 0.0])
    drawn = a + rho.exp() * torch.randn(1_000_000, 3)
    posterior = torch.distributions.Normal(a, rho.exp()).log_prob(drawn)
    ratio = (posterior - torch.distributions.Normal(0.0, 1.0).log_prob(drawn)).sum(1).mean()
    exact = path_kl(a.view(1, 1, 1, 3), rho.view(1, 1, 1, 3)).item()
    assert exact == pytest.approx(ratio.item(), rel=0.01)
    assert path_kl(torch.zeros(1, 1, 1, 3), torch.zeros(1, 1, 1, 3)).item() == 0
    assert (path_kl(torch.randn(5, 1, 4, 3), torch.randn(5, 1, 4, 3)) > 0).all()


@pytest.mark.parametrize("integrator", INTEGRATORS)
@pytest.mark.parametrize("options", [{}, {"feedback": False}, {"inferred_inputs": False}, {"potential": "mlp"}])
def test_steps_unroll_to_the_path(integrator: str, options: dict[str, Any]) -> None:
    """`step` under the inferred inputs gives the states of the forward pass, `decode` its rates; forward bins are driven by nothing."""
    trials = some_trials()
    kernel = (
        {} if "potential" in options else {"potential": {"name": "oscillator", "kernel_sd": 0.02, "stiffness": 0.05}}
    )
    model = model_of(trials, integrator=integrator, damping=9.0, **kernel, **options)
    batch = Batch.of(trials)
    with torch.no_grad():
        output = model(batch.observed)
        states, drive = output.hidden["state"], output.hidden["drive"]
        for t in range(1, trials.bins):
            torch.testing.assert_close(model.step(states[:, t - 1], drive[:, t]), states[:, t])
        for name, parameters in model.decode(states.flatten(0, 1)).items():
            torch.testing.assert_close(parameters.view_as(output.predictions[name]), output.predictions[name])
    assert (drive[:, trials.observed_bins :] == 0).all() and (drive[:, 0] == 0).all()
    driven = integrator != "velocity_verlet" and options.get("inferred_inputs", True)
    assert ("path" in output.kl) == driven == (output.inputs is not None)


def test_the_encoder_is_aligned_and_causal_when_asked() -> None:
    trials = some_trials()
    counts = trials.counts.copy()
    counts[:, 6] += 3
    changed = dataclasses.replace(
        trials, signals={trials.neural_name: dataclasses.replace(trials.neural, values=counts)}
    )
    for causal in (True, False):
        model = model_of(trials, causal=causal)
        before, after = (log_rates(model, Batch.of(each)) for each in (trials, changed))
        assert torch.equal(before[:, :6], after[:, :6]) == causal
        assert not torch.equal(before[:, 6], after[:, 6])
    model = model_of(trials, causal=True, decoder="transformer", positional="sinusoidal")
    before, after = (log_rates(model, Batch.of(each)) for each in (trials, changed))
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6], after[:, 6])


@pytest.mark.parametrize(
    "options", [{}, {"decoder_inputs": "zvh"}, {"decoder_inputs": "z"}, {"integrator": "obabo"}, {"decoder": "linear"}]
)
def test_bin_by_bin_equals_whole_trials(options: dict[str, Any]) -> None:
    trials = some_trials()
    model = model_of(trials, causal=True, **options)
    batch = Batch.of(trials)
    stream = model.online(len(trials))
    for _ in range(2):
        rates = [stream.observe(batch.observed.neural[:, t]) for t in range(trials.observed_bins)]
        ahead = stream.predict(trials.forward)
        torch.testing.assert_close(torch.cat([torch.stack(rates, 1), ahead], 1), log_rates(model, batch).exp())
        assert stream.state is not None and stream.state.shape == (len(trials), 16)
        stream.reset()


def test_bin_by_bin_is_refused_where_later_bins_matter() -> None:
    trials = some_trials()
    with pytest.raises(ValueError, match=r"model\.causal"):
        model_of(trials).online()
    with pytest.raises(ValueError, match="memory grows"):
        model_of(trials, causal=True, decoder="transformer").online()
    stream = model_of(trials, causal=True).online()
    with pytest.raises(ValueError, match="no bin observed"):
        stream.predict(2)
    with pytest.raises(ValueError, match="stream, held-in unit"):
        stream.observe(torch.zeros(1, 9))
    with pytest.raises(ValueError, match="not finite"):
        stream.observe(torch.full((1, 7), torch.nan))
    with pytest.raises(ValueError, match="negative values"):
        stream.observe(torch.full((1, 7), -1.0))


def test_the_loss_is_a_bound_at_scale_one() -> None:
    """loss × entries / trials is −ELBO of a trial (without ln n!), and does not depend on how often a trial is in the batch."""
    trials = some_trials()
    model = model_of(trials)
    objective = ELBO(ELBOConfig(kl_unit="bound", kl_scale=1.0, kl_increase_epochs=0, loss_scale=1.0), model)
    batch = Batch.of(trials)
    output = model(batch.observed)
    loss = objective(output, batch, Step(5)).total
    eta = output.predictions["counts"].squeeze(-1)
    likelihood = (eta.exp() - batch.targets["counts"] * eta).sum((1, 2))
    bound = (likelihood + sum(output.kl.values())).mean()
    torch.testing.assert_close(loss * trials.bins * 9, bound)
    tiled = Batch.of(trials, np.tile(np.arange(len(trials)), 3))
    torch.testing.assert_close(objective(model(tiled.observed), tiled, Step(5)).total, loss)


def test_published_scales_weigh_the_kl_by_a_tenth_of_the_entries() -> None:
    trials = some_trials()
    model = model_of(trials, mode="release", published=PublishedConfig(feedforward=16))
    batch = Batch.of(trials)
    output = model(batch.observed)
    losses = [
        ELBO(ELBOConfig(kl_scale=scale, kl_increase_epochs=0, loss_scale=1.0), model)(output, batch, Step(5)).total
        for scale in (0.1, 0.0)
    ]
    weight = (losses[0] - losses[1]) / (sum(output.kl.values()).mean() / (trials.bins * 9))
    assert weight.item() == pytest.approx(0.1 * trials.bins * 9, rel=1e-3)


def test_the_kernel_learns() -> None:
    """Unlike the released one, which is frozen after its first step (tests of `published_langevin`)."""
    trials = some_trials(64)
    model = model_of(trials).train()
    batch, optimiser = Batch.of(trials), torch.optim.Adam(model.parameters(), lr=3e-3)
    objective = ELBO(ELBOConfig(kl_unit="bound", kl_scale=1.0), model)
    kernels = []
    for _ in range(50):
        optimiser.zero_grad()
        objective(model(batch.observed), batch, Step(100)).total.backward()
        optimiser.step()
        kernels.append(model.potential.kernel.detach().clone().flatten())
    assert torch.cosine_similarity(kernels[0], kernels[-1], dim=0) < 0.999


def test_other_bins_same_physics() -> None:
    """Two bins of 5 ms are one of 10 ms, up to the integrator's error; frequencies and damping are per second."""
    long, short = (model_of(some_trials(bin_s=bin_s), causal=True) for bin_s in (0.01, 0.005))
    short.load_state_dict(long.state_dict())
    torch.testing.assert_close(long.damping(), short.damping())
    state = torch.randn(5, 16)
    none = state[:, :0]
    with torch.no_grad():
        once, twice = long.step(state, none), short.step(short.step(state, none), none)
    moved = (once - state).abs().max()
    assert (once - twice).abs().max() < 0.01 * moved
    assert long.step_size == pytest.approx(2 * short.step_size)


def test_bins_outside_of_trials_cost_nothing() -> None:
    trials = some_trials()
    lengths = np.full(len(trials), trials.bins)
    lengths[:4] = 6
    mask = np.arange(trials.bins) < lengths[:, None]
    ragged = dataclasses.replace(trials, mask=mask)
    model = model_of(trials)
    with torch.no_grad():
        output = model(Batch.of(ragged).observed)
    each = output.hidden["kl_bins"]
    assert (each[:4, 6:] == 0).all() and (each[:4, 1:6] > 0).all()
    torch.testing.assert_close(each.sum(1), output.kl["path"])


def test_what_the_decoder_sees() -> None:
    """With other trials' latents, rates move with `z` and `zv`, and not at all with `h`, which has no physics; velocities alone move no rates with `z`."""
    trials = some_trials()
    batch = Batch.of(trials)
    for inputs in ("z", "zv", "zvh", "h"):
        model = model_of(trials, decoder_inputs=inputs)
        with torch.no_grad():
            output = model(batch.observed)
            position, velocity = output.latents.chunk(2, 2)
            given = (torch.cat(both, 2) for both in ((position.roll(1, 0), velocity), (position, velocity.roll(1, 0))))
            moved = [model.rates_from(latents, output, batch.observed)["counts"] for latents in given]
        still = [torch.equal(each, output.predictions["counts"]) for each in moved]
        assert still == [inputs == "h", inputs in ("z", "h")]
        if inputs in ("zvh", "h"):
            with pytest.raises(ValueError, match="decoder_inputs"):
                model.decode(output.hidden["state"][:, 0])


def test_hidden_entries_are_not_silence() -> None:
    """What a transform hides does not enter as a count of zero: its value does not matter."""
    trials = some_trials()
    model, batch = model_of(trials), Batch.of(trials)
    hidden = torch.zeros_like(batch.observed.neural, dtype=torch.bool)
    hidden[:, 3, 2] = True
    seen = batch.observed.neural
    first, second = (
        log_rates(model, batch.with_seen(seen.masked_fill(hidden, value), hidden=hidden)) for value in (0.0, 7.0)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, log_rates(model, batch.with_seen(seen.masked_fill(hidden, 0.0))))


def test_wrong_physics_is_refused() -> None:
    trials = some_trials()
    with pytest.raises(ValueError, match=r"model\.time_unit_s.*where the integrator is stable"):
        model_of(trials, time_unit_s=0.01)
    for name in ("damping", "temperature", "time_unit_s"):
        with pytest.raises(ValueError, match=rf"model\.{name}.*above 0"):
            LangevinFlowConfig(**{name: 0.0})
    with pytest.raises(ValueError, match=r"model\.size: got 10; expected a multiple of 4"):
        model_of(trials, size=10)
    with pytest.raises(ValueError, match="transformer over 7 features; expected a multiple of 2"):
        model_of(
            trials, size=7, potential={"name": "oscillator", "channels": 1}, decoder="transformer", decoder_inputs="z"
        )
    with pytest.raises(UnknownName, match="no integrator is called 'leapfrog'"):
        LangevinFlowConfig(integrator="leapfrog")
    known = np.ones(trials.counts.shape, bool)
    known[:, trials.observed_bins :] = False
    blind = dataclasses.replace(trials, signals={trials.neural_name: dataclasses.replace(trials.neural, mask=known)})
    with pytest.raises(ValueError, match="forward: got 4 forward bins without counts"):
        model_of(blind).check([blind])
    model_of(trials).check([trials])


def test_samples_of_a_trial_do_not_depend_on_the_batch() -> None:
    trials = some_trials()
    model = model_of(trials)
    whole, parts, again = (model.infer(trials, samples=3, batch_size=size, seed=4) for size in (256, 5, 256))
    for name, values in whole.arrays().items():
        np.testing.assert_array_equal(values, again.arrays()[name])
        np.testing.assert_allclose(values, parts.arrays()[name], rtol=1e-4, atol=1e-5)
    assert whole.rates is not None and not np.allclose(whole.rates, model.infer(trials, samples=3, seed=5).rates)


def test_the_release_averages_logarithms() -> None:
    trials = some_trials()
    model = model_of(trials, mode="release", published=PublishedConfig(feedforward=16))
    drawn = []
    with torch.no_grad(), model.sampling():
        for seed in (0, 1):
            torch.manual_seed(seed)
            drawn.append(log_rates(model, Batch.of(trials)))
    torch.manual_seed(0)
    replies = iter(drawn)
    forward = model.forward

    def replay(observed: Any, privileged: Any = None) -> Any:
        output = forward(observed, privileged)
        return dataclasses.replace(output, predictions={"counts": next(replies).unsqueeze(-1)})

    model.forward = replay  # type: ignore[method-assign]
    rates = model.infer(trials, samples=2).rates
    assert rates is not None
    mean = ((drawn[0] + drawn[1]) / 2).exp().numpy()
    np.testing.assert_allclose(rates[:, :, trials.unit_order], mean, rtol=1e-5)
