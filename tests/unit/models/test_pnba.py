"""PNBA's forward pass: what reaches what, whatever is missing, and every kind of data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aligned_subjects import (
    BINS,
    CHANNELS,
    FRAME,
    FRONT_ENDS,
    TRIALS,
    built,
    front_end,
    padded,
    subject,
    with_values,
    without,
)
from neurodyn.config import from_dict
from neurodyn.data.batch import Batch
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.base import Output
from neurodyn.models.parts.gaussians import Gaussian, product
from neurodyn.models.parts.pnba_config import PNBAConfig
from neurodyn.models.pnba import PNBA
from neurodyn.objectives.align import Align, AlignConfig
from neurodyn.objectives.base import Step


@torch.no_grad()
def passed(model: PNBA, trials: Trials, *, behaviour: bool = True, session: int = 0) -> Output:
    batch = Batch.of(trials, session=session)
    return model(batch.observed, batch.privileged if behaviour and model.uses_privileged else None)


def loss(model: PNBA, trials: Trials) -> Tensor:
    """In training, with gradients."""
    batch = Batch.of(trials)
    model.train()
    torch.manual_seed(0)
    output = model(batch.observed, batch.privileged if model.uses_privileged else None)
    found = Align(AlignConfig(), model)(output, batch, Step()).total
    model.zero_grad()
    found.backward()
    model.eval()
    assert torch.isfinite(found)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    return found.detach()


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize(("before", "after"), [(0, 5), (4, 2)])
def test_a_padded_trial_gives_the_latents_of_the_trial_alone(front: str, before: int, after: int) -> None:
    trials = subject()
    model = built(trials, front_end=front_end(front))
    mine, theirs = passed(model, trials), passed(model, padded(trials, before, after))
    inside = slice(before, before + BINS)
    for name in ("neural_mean", "behaviour_mean", "joint_mean", "neural_log_variance", "behaviour_from_joint"):
        torch.testing.assert_close(theirs.hidden[name][:, inside], mine.hidden[name], rtol=1e-4, atol=1e-5)
    for name, values in mine.predictions.items():
        torch.testing.assert_close(theirs.predictions[name][:, inside], values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_masked_bins_change_no_loss(front: str) -> None:
    trials = subject()
    model = built(trials, front_end=front_end(front))
    batches = [Batch.of(t) for t in (trials, padded(trials, 3, 4))]
    objective = Align(AlignConfig(), model)
    mine, theirs = (objective(model(b.observed, b.privileged), b, Step()) for b in batches)
    torch.testing.assert_close(mine.total, theirs.total, rtol=1e-5, atol=1e-6)
    for name, term in mine.terms.items():
        torch.testing.assert_close(term, theirs.terms[name], rtol=1e-4, atol=1e-6)


def test_latents_of_the_activity_do_not_depend_on_the_behaviour_given() -> None:
    trials = subject(video=True)
    model = built(trials, beside=("behaviour", "video"))
    other = with_values(
        with_values(trials, "hand", trials.signals["hand"].values[::-1] * 2),
        "video",
        trials.signals["video"].values[::-1],
    )
    mine, theirs, blind = passed(model, trials), passed(model, other), passed(model, trials, behaviour=False)
    for name in ("neural_mean", "neural_log_variance"):
        assert torch.equal(mine.hidden[name], theirs.hidden[name]) and torch.equal(
            mine.hidden[name], blind.hidden[name]
        )
    assert torch.equal(mine.latents, theirs.latents) and torch.equal(mine.latents, blind.latents)
    for name in mine.predictions:
        torch.testing.assert_close(mine.predictions[name], theirs.predictions[name], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(mine.hidden["joint_mean"], theirs.hidden["joint_mean"])


def test_infer_gives_latents_of_both_and_behaviour_in_its_own_units() -> None:
    trials = subject()
    model = built(trials)
    told, blind = model.infer(trials, privileged=True), model.infer(trials)
    assert np.array_equal(told.latents, blind.latents)
    assert told.extra["behaviour_latents"].shape == told.latents.shape == (TRIALS, BINS, 8)
    assert told.extra["latents_variance"].min() > 0
    assert "behaviour_latents" not in blind.extra
    for name, channels in (("hand", CHANNELS), ("speed", 1)):
        predicted, shown = blind.extra[f"predicted_{name}"], trials.signals[name].values
        assert predicted.shape == shown.shape == (TRIALS, BINS, channels)
        # before any training it stays within a few standard deviations of the mean
        assert np.all(np.abs(predicted.mean() - shown.mean()) < 3 * shown.std())


def test_a_stimulus_is_seen_always() -> None:
    trials = subject(behaviour=False, video=True)
    model = built(trials)
    assert not model.uses_privileged and model.beside == ("video",)
    found = model.infer(trials)
    assert found.extra["video_latents"].shape == found.latents.shape
    assert found.extra["predicted_video"].shape == (TRIALS, BINS, *FRAME)
    assert found.extra["predicted_video"].min() >= 0 and found.extra["predicted_video"].max() <= 1


def test_the_fused_posterior_is_the_product_of_what_is_there() -> None:
    trials = subject(video=True)
    model = built(trials, beside=("behaviour", "video"))
    hidden = passed(model, trials).hidden
    parts = [Gaussian(hidden[f"{n}_mean"], hidden[f"{n}_log_variance"]) for n in ("neural", "behaviour", "video")]
    expected = product(parts)
    torch.testing.assert_close(hidden["joint_mean"], expected.mean)
    torch.testing.assert_close(hidden["joint_log_variance"], expected.log_variance)
    assert (expected.log_variance < parts[0].log_variance).all()


@pytest.mark.parametrize("missing", ["some", "all", "bins"])
def test_behaviour_may_be_missing(missing: str) -> None:
    whole = subject()
    model = built(whole)
    gone = np.zeros((TRIALS, BINS, 1), bool)
    gone[{"some": np.s_[::2], "all": np.s_[:], "bins": np.s_[:, 3:5]}[missing]] = True
    trials = whole
    for name in ("hand", "speed"):
        trials = with_values(trials, name, np.where(gone, np.nan, whole.signals[name].values))
    hidden, full = passed(model, trials).hidden, passed(model, whole).hidden
    assert all(torch.isfinite(values).all() for values in hidden.values())
    assert torch.equal(hidden["neural_mean"], full["neural_mean"])
    lost = torch.from_numpy(gone.all((1, 2)))
    # without behaviour, activity alone is fused
    torch.testing.assert_close(hidden["joint_mean"][lost], hidden["neural_mean"][lost])
    if missing == "some":
        torch.testing.assert_close(hidden["joint_mean"][~lost], full["joint_mean"][~lost])
    assert loss(model, trials) > 0
    latents = model.infer(trials, privileged=True).extra["behaviour_latents"]
    assert np.array_equal(np.isnan(latents).all((1, 2)), lost.numpy())


def test_a_session_without_behaviour_trains_on_its_activity() -> None:
    sessions = [subject("a"), subject("b", units=7, behaviour=False)]
    model = built(sessions)
    batch = Batch.of(sessions[1], session=1)
    objective = Align(AlignConfig(), model)
    found = objective(model.train()(batch.observed, batch.privileged), batch, Step())
    assert torch.isfinite(found.total) and found.total > 0


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize("beside", [("behaviour",), ("video",), ("behaviour", "video"), ("none",)])
def test_every_second_modality_with_every_front_end(front: str, beside: tuple[str, ...]) -> None:
    trials = subject(video=True, ragged=True)
    model = built(trials, front_end=front_end(front), beside=beside)
    assert loss(model, trials) > 0
    idle = [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not idle, f"nothing trains {idle}"
    terms = {n for n in passed(model, trials).hidden if n.endswith("_known")}
    assert terms == {f"{name}_known" for name in beside if name != "none"}


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_fluorescence_has_a_mean_and_a_variance_of_its_units_scale(front: str) -> None:
    """Values of 0.01 and of 10 give the same loss but for the constant of the scale, and the variance is learned."""
    small = subject(fluorescence=True)
    values = small.signals["fluorescence"].values
    large = with_values(small, "fluorescence", 1000 * values - 3)
    losses = []
    for trials in (small, large):
        model = built(trials, front_end=front_end(front))
        observation = model.observation("fluorescence")
        batch = Batch.of(trials)
        parameters = model(batch.observed).predictions["fluorescence"]
        scale = np.log(np.asarray(trials.signals["fluorescence"].values).std((0, 1)))
        nll = observation.negative_log_likelihood(parameters, batch.targets["fluorescence"])
        losses.append(float(nll.detach().mean() - torch.from_numpy(scale).mean()))
        nll.sum().backward()
        assert torch.isfinite(nll).all()
        (last,) = [
            p
            for n, p in model.front_end.named_parameters()
            if n.endswith(("to_parameters.bias", "to_unit.4.bias", "read_out.0.bias"))
        ]
        assert last.grad.reshape(-1)[-1].abs() > 0, "a log variance that nothing trains"
    if front != "unit_set":  # which knows units by their scale
        assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert 0 < losses[0] < 2


def test_a_unit_that_is_held_out_is_predicted_and_never_seen() -> None:
    trials = subject(units=10, heldin=[0, 1, 3, 4, 6, 8, 9])
    own = trials.counts + 5 * (np.arange(10) % 4)
    trials = with_values(trials, "counts", own)
    model = built(trials)
    changed = own.copy()
    changed[:, :, [2, 5, 7]] += 3
    mine, theirs = model.infer(trials), model.infer(with_values(trials, "counts", changed))
    assert mine.rates.shape == trials.counts.shape
    assert np.array_equal(mine.rates, theirs.rates) and np.array_equal(mine.latents, theirs.latents)
    mean, found = own.mean((0, 1)), mine.rates.mean((0, 1))
    assert np.corrcoef(mean, found)[0, 1] > 0.95, "each unit starts at its own mean, in recorded order"


def test_samples_differ_in_training_and_means_are_given_in_evaluation() -> None:
    trials = subject()
    model = built(trials)
    batch = Batch.of(trials)
    assert torch.equal(model(batch.observed).latents, model(batch.observed).hidden["neural_mean"])
    model.train()
    first, second = (model(batch.observed).latents for _ in range(2))
    assert not torch.equal(first, second)


def test_training_leaves_out_what_nothing_is_trained_on() -> None:
    """Activity from its own latents is no term of the loss where there is another modality."""
    trials = subject()
    model = built(trials).train()
    batch = Batch.of(trials)
    with_behaviour, alone = model(batch.observed, batch.privileged), model(batch.observed)
    assert "counts" not in with_behaviour.predictions and "counts" in alone.predictions


def test_any_length_can_be_given() -> None:
    model = built(subject())
    for bins in (1, 4, 25):
        counts = np.random.default_rng(0).poisson(1.0, (3, bins, 9))
        assert model.infer(Trials.from_arrays(counts, bin_s=0.02, session="a")).latents.shape == (3, bins, 8)


def test_the_same_seed_gives_the_same_model() -> None:
    states = [built(subject(), seed=seed).state_dict() for seed in (0, 0, 1)]
    assert all(torch.equal(states[0][n], states[1][n]) for n in states[0])
    assert any(not torch.equal(states[0][n], states[2][n]) for n in states[0])


def model_of(trials: Any, **config: Any) -> PNBA:
    return PNBA(from_dict(PNBAConfig, config, "model"), DataSpec.of(trials))


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(InvalidInput, match="forward"):
        model_of(subject(forward=2))
    with pytest.raises(InvalidInput, match="no neural signal"):
        model_of(without(subject(), "counts"))
    with pytest.raises(InvalidInput, match="to align it with"):
        model_of(subject(behaviour=False))
    with pytest.raises(UnknownName, match="video"):
        model_of(subject(), beside=("video",))
    with pytest.raises(InvalidInput, match="one likelihood"):
        model_of([subject("a"), subject("b", fluorescence=True)])
    with pytest.raises(InvalidInput, match="one shape"):
        small = subject("b", stimulus={"video": np.zeros((TRIALS, BINS, 4, 4))})
        model_of([subject("a", video=True), small], beside=("video",))
    with pytest.raises(InvalidInput, match="levels"):
        model_of(subject(video=True), beside=("video",), video={"features": (2, 2, 2, 2)})
