"""Bits per spike: closed-form answers, an independent implementation, bad rates, masks, the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics._bits_per_spike import bits_per_spike, bits_per_spike_per_neuron
from neurodyn.metrics.base import Evaluation, score
from neurodyn.metrics.co_bps import CoBPS
from neurodyn.metrics.co_bps_per_neuron import CoBPSPerNeuron
from neurodyn.metrics.fp_bps import FpBPS

COUNTS = np.array([[[0, 1], [1, 0]], [[2, 0], [1, 3]]], np.uint16)
RATES = np.array([[[0.5, 1], [1, 0.5]], [[1.5, 0.5], [1, 2]]], np.float32)
ALL = np.ones((2, 2), bool)


def plain_bits(rates: np.ndarray, counts: np.ndarray) -> float:
    """Written from the definition, with the term that cancels."""
    rates, counts = rates.astype(float), counts.astype(float)
    null = np.broadcast_to(counts.mean((0, 1)), counts.shape)

    def nll(r: np.ndarray) -> float:
        r = np.where(r == 0, 1e-9, r)
        return float((r - counts * np.log(r) + gammaln(counts + 1)).sum())

    return (nll(null) - nll(rates)) / counts.sum() / np.log(2)


def random_case(seed: int = 0, shape: tuple[int, int, int] = (40, 20, 6)) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    rates = generator.gamma(2, 0.2, shape).astype(np.float32)
    return rates, generator.poisson(rates).astype(np.uint16)


def evaluation(rates: np.ndarray, trials: Trials) -> Evaluation:
    return Evaluation({"test": trials}, {"test": Inference(trials.bin_s, rates=rates)})


def test_published_example() -> None:
    assert bits_per_spike(RATES, COUNTS, ALL).value == pytest.approx(0.521241, abs=1e-6)


def test_published_example_with_unknown_entries() -> None:
    known = np.ones(COUNTS.shape, bool)
    known[0, 0] = False
    assert bits_per_spike(RATES, COUNTS, known).value == pytest.approx(0.461589, abs=1e-6)


def test_the_null_scores_zero() -> None:
    mean = np.broadcast_to(COUNTS.mean((0, 1)), COUNTS.shape)
    assert bits_per_spike(mean, COUNTS, ALL).value == pytest.approx(0, abs=1e-12)
    assert bits_per_spike_per_neuron(mean, COUNTS, ALL).value == pytest.approx(0, abs=1e-12)


def test_a_confident_zero_is_floored_counted_and_catastrophic() -> None:
    rates = RATES.copy()
    rates[1, 1, 1] = 0
    measured = bits_per_spike(rates, COUNTS, ALL)
    assert measured.value == pytest.approx(-10.704593, abs=1e-6)
    assert measured.context["floored_rates"] == 1
    assert rates[1, 1, 1] == 0


def test_agrees_with_the_definition() -> None:
    rates, counts = random_case()
    assert bits_per_spike(rates, counts, np.ones((40, 20), bool)).value == pytest.approx(plain_bits(rates, counts))


def test_a_silent_unit_scores_what_its_rate_costs() -> None:
    rates, counts = random_case()
    counts[:, :, 2] = 0
    rates[:, :, 2] = 0.01
    without = np.delete(rates, 2, 2), np.delete(counts, 2, 2)
    expected = plain_bits(*without) - 0.01 * 800 / counts.sum() / np.log(2)
    assert bits_per_spike(rates, counts, np.ones((40, 20), bool)).value == pytest.approx(expected, abs=1e-6)


def test_only_exact_and_known_zeros_are_floored() -> None:
    rates, counts = random_case()
    rates[0, 0], rates[1, 1] = 0, 1e-30
    known = np.ones(rates.shape, bool)
    known[0, 0, :3] = False
    measured = bits_per_spike(rates.astype(float), counts, known)
    assert measured.context["floored_rates"] == 3
    r = np.where(rates == 0, 1e-9, rates.astype(float))[known]
    n = counts.astype(float)
    null = np.broadcast_to((n * known).sum((0, 1)) / known.sum((0, 1)), n.shape)[known]
    gain = (n[known] * np.log(r) - r).sum() - (n[known] * np.log(null) - null).sum()
    assert measured.value == pytest.approx(gain / n[known].sum() / np.log(2), rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, -0.1, np.inf])
def test_bad_rates_are_named(bad: float) -> None:
    rates = RATES.copy()
    rates[1, 0, 1] = bad
    with pytest.raises(InvalidInput, match="trial 1, bin 5, unit 9"):
        bits_per_spike(rates, COUNTS, ALL, units=[3, 9], first_bin=5)


def test_bad_rates_outside_the_mask_do_not_matter() -> None:
    rates, counts = random_case()
    mask = np.ones((40, 20), bool)
    mask[:7, 12:] = False
    expected = bits_per_spike(rates, counts, mask).value
    rates[:7, 12:], counts[:7, 12:] = np.nan, 9
    assert bits_per_spike(rates, counts, mask).value == expected


def test_the_parts_add_up_to_the_whole() -> None:
    rates, counts = random_case()
    counts[:, 7], counts[..., 4] = 0, 0
    known = np.random.default_rng(1).random(rates.shape) < 0.9
    measured = bits_per_spike(rates, counts, known)
    spikes = np.where(known, counts, 0)
    neurons, bins = (np.array(measured.context[f"bits_per_spike_of_{of}"]) for of in ("neurons", "bins"))
    assert np.isnan(neurons[4]) and np.isnan(bins[7])
    silent = -(np.where(known, rates, 0)[..., 4].sum() - 1e-9 * known[..., 4].sum()) / np.log(2)
    by_neuron = np.nansum(neurons * spikes.sum((0, 1))) + silent
    assert by_neuron / spikes.sum() == pytest.approx(measured.value, abs=1e-4)
    for unit in (0, 5):
        alone = bits_per_spike(rates[..., [unit]], counts[..., [unit]], known[..., [unit]]).value
        assert neurons[unit] == pytest.approx(alone, abs=1e-4)
    null = spikes.sum((0, 1)) / known.sum((0, 1))
    here = known[:, 3]
    n, r = counts[:, 3][here].astype(float), rates[:, 3][here].astype(float)
    mean = np.broadcast_to(np.maximum(null, 1e-9), (40, 6))[here]
    expected = ((n * np.log(r) - r) - (n * np.log(mean) - mean)).sum() / n.sum() / np.log(2)
    assert bins[3] == pytest.approx(expected, abs=1e-4)


def test_per_neuron_is_the_mean_of_each_ones_own_and_leaves_silent_ones_out() -> None:
    rates, counts = random_case()
    own = [plain_bits(rates[..., [u]], counts[..., [u]]) for u in range(6)]
    trials = Trials.from_arrays(counts, bin_s=0.02, heldin=[5])
    found = score(CoBPSPerNeuron(), evaluation(rates, trials), draws=100)
    assert found.value == pytest.approx(np.mean(own[:5])) and found.context["silent_neurons"] == 0
    assert found.interval[0] < found.value < found.interval[1]
    counts[..., 2] = 0
    measured = bits_per_spike_per_neuron(rates, counts, np.ones((40, 20), bool))
    assert measured.value == pytest.approx(np.mean([own[u] for u in (0, 1, 3, 4, 5)]))
    assert measured.context["silent_neurons"] == 1
    pooled = score(CoBPS(), evaluation(rates, trials), draws=10).as_mapping()["context"]["bits_per_spike_of_neurons"]
    assert len(pooled) == 5 and pooled[2] is None


def test_co_bps_reads_heldout_units_and_observed_bins_only() -> None:
    rates, counts = random_case()
    trials = Trials.from_arrays(counts, bin_s=0.02, heldin=[0, 2, 4, 5], forward=5)
    expected = plain_bits(rates[:, :15][:, :, [1, 3]], counts[:, :15][:, :, [1, 3]])
    assert CoBPS().measure(evaluation(rates, trials)).value == pytest.approx(expected)
    other = rates.copy()
    other[:, 15:], other[:, :, [0, 2, 4, 5]] = 5, 5
    assert CoBPS().measure(evaluation(other, trials)).value == pytest.approx(expected)


def test_fp_bps_reads_forward_bins_only() -> None:
    rates, counts = random_case()
    trials = Trials.from_arrays(counts, bin_s=0.02, heldin=[0, 2, 4, 5], forward=5)
    other = rates.copy()
    other[:, :15] = 5
    assert FpBPS().measure(evaluation(other, trials)).value == pytest.approx(plain_bits(rates[:, 15:], counts[:, 15:]))


def test_they_apply_only_where_something_is_held_out() -> None:
    rates, counts = random_case()
    seen = evaluation(rates, Trials.from_arrays(counts, bin_s=0.02))
    assert not CoBPS().applies(seen) and not FpBPS().applies(seen)
    fluorescence = Trials.from_arrays(fluorescence=rates, bin_s=0.02, heldin=[0], forward=2)
    assert not CoBPS().applies(evaluation(rates, fluorescence))


def test_a_bootstrap_draw_measures_the_drawn_trials_against_the_null_of_all() -> None:
    rates, counts = random_case()
    mask = np.random.default_rng(1).random((40, 20)) < 0.9
    picked = np.random.default_rng(2).integers(0, 40, 40)
    drawn = bits_per_spike(rates, counts, mask).under(np.bincount(picked, minlength=40)[None].astype(float))[0]
    null = counts[mask].mean(0)
    n, r = counts[picked][mask[picked]], rates[picked][mask[picked]].astype(float)
    gain = (n * np.log(r) - r).sum() - (n * np.log(null) - null).sum()
    assert drawn == pytest.approx(gain / n.sum() / np.log(2), rel=1e-9)


def test_the_interval_of_few_trials_lies_around_the_value() -> None:
    generator = np.random.default_rng(5)
    rates = generator.gamma(2, 0.1, (8, 10, 30))
    trials = Trials.from_arrays(generator.poisson(rates), bin_s=0.02, heldin=range(15))
    found = score(CoBPS(), evaluation(rates, trials), draws=4000)
    low, high = found.interval
    assert low < found.value < high and abs((low + high) / 2 - found.value) < 0.25 * (high - low)


def test_true_rates_win_and_are_the_ceiling() -> None:
    rates, counts = random_case()
    trials = Trials.from_arrays(counts, bin_s=0.02, heldin=[0, 1, 2], truth={"rates": rates})
    constant = np.broadcast_to(rates.mean((0, 1)), rates.shape)
    found = score(CoBPS(), evaluation(np.sqrt(rates * constant), trials), {"mean": evaluation(constant, trials)})
    assert found.ceiling is not None and found.ceiling > found.value > found.baselines["mean"]
    difference, low, high = found.difference["mean"]
    assert low < difference < high and difference == pytest.approx(found.value - found.baselines["mean"])
    assert found.name == "co_bps" and found.n == 40 and found.context["floored_rates"] == 0


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    trials, times, covered = 60, 100, 0
    rates = generator.gamma(2, 0.3, (20000, 3, 4)).astype(np.float32)
    counts = generator.poisson(rates).astype(np.uint16)
    truth = bits_per_spike(rates[:, 1:], counts[:, 1:], np.ones((20000, 2), bool)).value
    for _ in range(times):
        rows = generator.integers(0, len(rates), trials)
        drawn = Trials.from_arrays(counts[rows], bin_s=0.02, forward=2)
        low, high = score(FpBPS(), evaluation(rates[rows], drawn), draws=200).interval
        covered += low <= truth <= high
    assert 0.87 <= covered / times <= 0.99
