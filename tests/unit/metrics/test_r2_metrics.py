"""R² of rates, latents and behaviour: closed-form answers and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.base import Evaluation, score_all, shuffled, with_truth
from neurodyn.metrics.behaviour_r2 import PENALTIES, BehaviourR2
from neurodyn.metrics.latent_r2_backward import LatentR2Backward
from neurodyn.metrics.latent_r2_forward import LatentR2Forward
from neurodyn.metrics.rate_r2 import RateR2
from neurodyn.metrics.rate_r2_per_neuron import RateR2PerNeuron

BINS, UNITS, FORWARD = 24, 8, 4


def case(seed: int = 0, noise: float = 0.1, unused: int = 0) -> Evaluation:
    """Three latents; rates exponential, behaviour linear in the rates plus noise; inferred latents a noisy linear image plus unused dimensions."""
    generator = np.random.default_rng(seed)
    readout, image = generator.normal(size=(3, UNITS)), generator.normal(size=(3, 4))
    trials, inferred = {}, {}
    for split, n in (("train", 40), ("valid", 15), ("test", 20)):
        latents = np.cumsum(generator.normal(size=(n, BINS, 3)), 1) * 0.1
        rates = np.exp(latents @ readout * 0.6 - 1)
        behaviour = rates[..., :2] - rates[..., 2:4]
        behaviour = behaviour + noise * generator.normal(size=behaviour.shape)
        trials[split] = Trials.from_arrays(
            generator.poisson(rates),
            bin_s=0.02,
            heldin=range(6),
            forward=FORWARD,
            behaviour=behaviour,
            truth={"rates": rates.astype(np.float32), "latents": latents},
        )
        seen = latents @ image + 0.1 * generator.normal(size=(n, BINS, 4))
        seen = np.concatenate([seen, generator.normal(size=(n, BINS, unused))], 2)
        guess = rates * np.exp(0.1 * generator.normal(size=rates.shape))
        inferred[split] = Inference(0.02, rates=guess.astype(np.float32), latents=seen.astype(np.float32))
    return Evaluation(trials, inferred)


def flat(evaluation: Evaluation, split: str, what: str) -> np.ndarray:
    array = evaluation.inferred[split].latents if what == "inferred" else evaluation.trials[split].truth[what]
    return np.asarray(array, float).reshape(-1, array.shape[2])


def test_rate_r2_equals_scikit_learn_on_each_average() -> None:
    e = case()
    true, guess = e.trials["test"].truth["rates"].reshape(-1, UNITS), e.inferred["test"].rates.reshape(-1, UNITS)
    assert RateR2PerNeuron().measure(e).value == pytest.approx(r2_score(true, guess), rel=1e-5)
    expected = r2_score(true, guess, multioutput="variance_weighted")
    assert RateR2().measure(e).value == pytest.approx(expected, rel=1e-5)


def test_identity_is_one_the_mean_zero_and_a_shift_costs_its_square() -> None:
    y = np.random.default_rng(0).normal(size=(10, 6, 2))
    mask = np.ones((10, 6), bool)
    for average in ("pooled", "channels"):
        assert r2(y, y, mask, average, "y").value == 1
        assert r2(y, np.broadcast_to(y.mean((0, 1)), y.shape), mask, average, "y").value == pytest.approx(0, abs=1e-12)
    shifted = r2(y, y + 0.3, mask, "channels", "y").value
    assert shifted == pytest.approx(np.mean(1 - 0.09 / y.var((0, 1))))


def test_a_constant_channel_counts_one_if_exact_else_zero() -> None:
    y = np.random.default_rng(0).normal(size=(10, 6, 2))
    y[..., 1] = 4
    mask, other = np.ones((10, 6), bool), y + np.array([0, 1])
    assert r2(y, y, mask, "channels", "y").value == 1
    assert r2(y, other, mask, "channels", "y").value == 0.5


def test_predictions_that_are_not_finite_are_named() -> None:
    y = np.zeros((3, 4, 2))
    bad = y.copy()
    bad[1, 2, 0] = np.nan
    with pytest.raises(InvalidInput, match="trial 1, bin 2, channel 0"):
        r2(y, bad, np.ones((3, 4), bool), "pooled", "rates")
    mask = np.ones((3, 4), bool)
    mask[1, 2] = False
    assert np.isfinite(r2(y, bad, mask, "pooled", "rates").value)


def test_latent_r2_equals_least_squares_and_backward_pays_for_unused_dimensions() -> None:
    e = case(unused=3)
    for metric, x, y in ((LatentR2Forward(), "inferred", "latents"), (LatentR2Backward(), "latents", "inferred")):
        fitted = LinearRegression().fit(flat(e, "train", x), flat(e, "train", y))
        expected = r2_score(flat(e, "test", y), fitted.predict(flat(e, "test", x)), multioutput="variance_weighted")
        assert metric.measure(e).value == pytest.approx(expected, abs=2e-3)
    plain = case()
    assert LatentR2Forward().measure(e).value > 0.85
    assert LatentR2Backward().measure(e).value < LatentR2Backward().measure(plain).value - 0.1


def test_latent_r2_does_not_depend_on_the_coordinates() -> None:
    e = case()
    turn = np.random.default_rng(4).normal(size=(4, 4))
    moved = {s: Inference(0.02, latents=i.latents @ turn + 3) for s, i in e.inferred.items()}
    other = Evaluation(e.trials, moved)
    assert LatentR2Forward().measure(other).value == pytest.approx(LatentR2Forward().measure(e).value, abs=1e-3)


def test_behaviour_r2_of_noise_free_linear_behaviour() -> None:
    e = case(noise=0)
    exact = {s: Inference(0.02, rates=t.truth["rates"]) for s, t in e.trials.items()}
    assert BehaviourR2().measure(Evaluation(e.trials, exact)).value > 0.9999


def test_behaviour_r2_drops_bins_without_behaviour_and_outside_the_mask() -> None:
    e = case()
    for t in e.trials.values():
        t.signals["behaviour"].values[:, :3, 1] = np.nan
        t.mask[0, 5:] = False
        t.signals["behaviour"].values[0, 5:] = 1e6
    measured = BehaviourR2().measure(e)
    test = e.trials["test"]
    behaviour = test.signals["behaviour"].values[:, : BINS - FORWARD]
    used = test.mask[:, : BINS - FORWARD] & np.isfinite(behaviour).all(2)
    assert used.sum() == 20 * (BINS - FORWARD - 3) - (BINS - FORWARD - 5)
    np.testing.assert_allclose(measured.sums[:, 2:].sum(0), behaviour[used].var(0) * used.sum())
    assert 0.2 < measured.value <= 1
    assert measured.context["penalty"] in PENALTIES


def test_behaviour_r2_never_reads_forward_bins() -> None:
    e = case()
    value = BehaviourR2().measure(e).value
    for inferred in e.inferred.values():
        inferred.rates[:, -FORWARD:] = np.nan
    assert BehaviourR2().measure(e).value == value


def test_shuffling_breaks_the_pairing_of_test_trials_only() -> None:
    e = case()
    other = shuffled(e, seed=1)
    assert other.inferred["train"] is e.inferred["train"]
    before, after = e.inferred["test"].rates, other.inferred["test"].rates
    assert sorted(before[:, 0, 0]) == sorted(after[:, 0, 0])
    assert not (before == after).all((1, 2)).any()
    assert BehaviourR2().measure(other).value < 0.1 < BehaviourR2().measure(e).value
    assert RateR2().measure(other).value < 0


def test_score_all_gives_every_measure_its_baselines_and_ceiling() -> None:
    e = case()
    found = {s.name: s for s in score_all(e, {"shuffled": shuffled(e)}, draws=50, context={"model": "x"})}
    assert set(found) >= {"behaviour_r2", "co_bps", "fp_bps", "latent_r2_backward", "latent_r2_forward", "rate_r2"}
    for s in found.values():
        sign = 1 if s.direction == "higher" else -1
        assert (
            sign * s.baselines["shuffled"] < sign * s.value
            and s.interval[0] <= s.interval[1]
            and s.context["model"] == "x"
        )
    assert found["rate_r2"].ceiling == 1 and found["latent_r2_forward"].ceiling == pytest.approx(1)
    assert [s.name for s in score_all(e, metrics=["co_bps"], draws=10)] == ["co_bps"]
    with pytest.raises(UnknownName):
        score_all(e, metrics=["co_bqs"])
    bare = Evaluation(e.trials, {s: Inference(0.02) for s in e.trials})
    with pytest.raises(InvalidInput, match="co_bps"):
        score_all(bare, metrics=["co_bps"])
    assert with_truth(e) is not None


def test_one_trial_cannot_be_shuffled() -> None:
    e = case()
    one = Evaluation({"test": e.trials["test"].select([0])}, {"test": e.inferred["test"]})
    with pytest.raises(InvalidInput, match="test trials"):
        shuffled(one)
