"""What is lost with the latents of other trials, from rates decoded either way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics.base import Evaluation, LatentSwap, other_trials, score, shuffled, with_truth
from neurodyn.metrics.co_bps import CoBPS
from neurodyn.metrics.latent_use import LatentUse, in_words

SHAPE, HELDIN, FORWARD = (40, 12, 6), [0, 2, 3, 5], 2
PARTNER = other_trials(SHAPE[0])


def population(**more: object) -> tuple[np.ndarray, Trials]:
    """Rates with a gain of their own in every trial, and counts drawn from them."""
    rng = np.random.default_rng(0)
    rates = (rng.gamma(2, 0.4, (SHAPE[0], 1, 1)) * np.ones(SHAPE)).astype(np.float32)
    given = {"heldin": HELDIN, "forward": FORWARD, "truth": {"rates": rates}, **more}
    return rates, Trials.from_arrays(rng.poisson(rates), bin_s=0.02, **given)  # type: ignore[arg-type]


def swapped(trials: Trials, own: np.ndarray, other: np.ndarray) -> Evaluation:
    return Evaluation({"test": trials}, {"test": Inference(0.02, own)}, LatentSwap(PARTNER, own, other))


def test_rates_that_stay_lose_exactly_nothing() -> None:
    rates, trials = population()
    found = score(LatentUse(), swapped(trials, rates, rates.copy()))
    assert found.value == 0 and found.interval == (0, 0) and found.context["share"] == 0
    assert "carry 0.0% of it" in in_words(found)


def test_it_is_the_co_bps_lost() -> None:
    rates, trials = population()
    evaluation = swapped(trials, rates, rates[PARTNER])
    found = score(LatentUse(), evaluation, {})
    own, other = (CoBPS().measure(swapped(trials, r, r)).value for r in (rates, rates[PARTNER]))
    assert own > 0 > other
    assert found.value == pytest.approx(own - other, rel=1e-12)
    assert found.context["own_latents"] == own and found.context["other_latents"] == other
    assert found.context["share"] == pytest.approx((own - other) / own) and found.context["share"] > 1
    assert found.interval[0] < found.value < found.interval[1] and found.n == SHAPE[0]
    assert f"{own:.3f}" in in_words(found) and f"−{-other:.3f}" in in_words(found) and "carry all" in in_words(found)


def test_only_held_out_units_and_observed_bins_are_read() -> None:
    rates, trials = population()
    other = rates.copy()
    other[:, :, HELDIN], other[:, -FORWARD:] = 7, 7
    assert LatentUse().measure(swapped(trials, rates, other)).value == 0


def test_only_bins_inside_both_trials_are_read() -> None:
    mask = np.ones(SHAPE[:2], bool)
    mask[::3, 6:] = False
    rates, trials = population(mask=mask)
    other = rates[PARTNER]
    other[~(mask & mask[PARTNER])] = np.nan
    own = np.where(mask[..., None], rates, np.nan)
    both = (mask & mask[PARTNER])[:, : trials.observed_bins, None]
    assert both.sum() < mask[:, : trials.observed_bins].sum()
    cut = np.s_[:, : trials.observed_bins, [1, 4]]
    counts = np.ascontiguousarray(trials.counts[cut])
    expected = [bits_per_spike(np.ascontiguousarray(r[cut]), counts, both).value for r in (own, other)]
    assert LatentUse().measure(swapped(trials, own, other)).value == pytest.approx(expected[0] - expected[1])


def test_where_no_unit_is_held_out_all_are_scored() -> None:
    rates, trials = population(heldin=range(SHAPE[2]))
    found = score(LatentUse(), swapped(trials, rates, rates[PARTNER]), draws=50)
    cut = np.s_[:, : trials.observed_bins]
    inside = np.ones((SHAPE[0], trials.observed_bins), bool)
    own, other = (
        bits_per_spike(np.ascontiguousarray(r[cut]), np.ascontiguousarray(trials.counts[cut]), inside).value
        for r in (rates, rates[PARTNER])
    )
    assert found.value == pytest.approx(own - other)
    assert found.context["scored"] == "all units" and in_words(found).startswith("Bits per spike of all units")


def test_withheld_units_are_not_replaced_by_those_that_were_seen() -> None:
    rates, trials = population()
    known = np.ones(SHAPE, bool)
    known[:, :, trials.heldout] = False
    counts = dataclasses.replace(trials.signals["counts"], mask=known)
    trials = dataclasses.replace(trials, signals={"counts": counts})
    assert not LatentUse().applies(swapped(trials, rates, rates[PARTNER]))


def test_it_applies_only_to_spikes_decoded_from_latents() -> None:
    rates, trials = population()
    evaluation = swapped(trials, rates, rates[PARTNER])
    assert LatentUse().applies(evaluation)
    truth = with_truth(evaluation)
    assert truth is not None and not LatentUse().applies(truth), "the truth has no latents that rates are decoded from"
    assert not LatentUse().applies(shuffled(evaluation))
    fluorescence = Trials.from_arrays(fluorescence=rates, bin_s=0.02, heldin=HELDIN)
    assert not LatentUse().applies(swapped(fluorescence, rates, rates))


def test_a_score_below_zero_has_no_share() -> None:
    rates, trials = population()
    found = score(LatentUse(), swapped(trials, rates[PARTNER], rates))
    assert found.as_mapping()["context"]["share"] is None and in_words(found).endswith(").")
