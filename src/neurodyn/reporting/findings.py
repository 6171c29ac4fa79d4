"""What the diagnosis looks for: each check is one function of a subject and returns at most one finding.

Every threshold is a constant here, and the page prints the measured value beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.metrics.latent_use import in_words
from neurodyn.reporting.plot import average
from neurodyn.reporting.scores import best_baseline, number, verdict
from neurodyn.reporting.subject import Subject

FLAT_RATE = 0.02
"""A rate is flat when its standard deviation over trials and bins is below this share of its mean."""
FLOORED_RATE, FLOORED_SHARE = 1e-3, 0.01
"""A rate is floored below this share of its unit's mean; more entries than this share is too many."""
SMALL_LATENT, MOST_IDLE_LATENTS = 1e-4, 0.25
"""A latent is idle when its variance is below this share of the largest; more idle ones than this share is worth a look."""
LITTLE_USE = 0.1
"""Latents are mostly for show when less than this share of the score is lost with those of other trials."""
IDLE_INPUT = 1e-3
"""Inputs are idle when their standard deviation over trials and bins is below this."""
COPY_CORRELATION, COPY_EXCESS = 0.2, 0.1
"""Rates copy spikes when their fast part correlates with their own spikes' fast part more than this, and by this much more than held-out units' do."""
GENERALISATION_GAP = 0.5
"""Train bits per spike beyond test's, as a share of train's, that is worth a look."""


@dataclass(frozen=True)
class Finding:
    """One sentence a check has to say."""

    state: Literal["fine", "look"]
    """Fine, or worth a look."""
    topic: str
    """What was looked at, in a few words."""
    sentence: str
    """What was found, in plain words, with the numbers."""
    advice: str = ""
    """What to try, where there is something to try."""


Check = Callable[[Subject], Finding | None]


def beats_baselines(subject: Subject) -> Finding | None:
    """Whether every score is better than its best baseline, by the paired interval."""
    compared = [score for score in subject.scores if verdict(score) != "alone"]
    if not compared:
        return None
    said = []
    for score in compared:
        state = verdict(score)
        if state != "better":
            word = "is worse than" if state == "worse" else "cannot be told from"
            best = best_baseline(score)
            value = number(score.baselines[best or ""])
            said.append(f"{score.name} ({number(score.value)}) {word} {(best or '').replace('_', ' ')} ({value})")
    if not said:
        return Finding(
            "fine",
            "baselines",
            f"All {len(compared)} scores are better than their best baseline, with paired intervals clear of zero.",
        )
    advice = "Train longer, search the hyperparameters, or use the baseline: it is simpler. A tie with a wide interval needs more test trials."
    return Finding("look", "baselines", "; ".join(said) + ".", advice)


def finite_values(subject: Subject) -> Finding | None:
    """Whether everything inferred is a number."""
    inference, mask = subject.test_inference, subject.test.mask
    bad = []
    for name, values in inference.arrays().items():
        inside = values[mask[:, : values.shape[1]]] if values.ndim == 3 and values.shape[1] <= mask.shape[1] else values
        if not np.isfinite(inside).all():
            bad.append(f"{name} ({np.mean(~np.isfinite(inside)):.1%})")
    if bad:
        return Finding(
            "look",
            "numbers",
            f"Values that are not finite in {', '.join(bad)}.",
            "Lower the learning rate or clip gradients harder; check the data for extreme counts.",
        )
    return None


def silent_units(subject: Subject) -> Finding | None:
    """Units without one spike in the fitting split."""
    if not _spikes(subject):
        return None
    trials = subject.trials[subject.fitting_split]
    known = trials.known
    silent = np.flatnonzero(known.any((0, 1)) & (np.where(known, trials.counts, 0).sum((0, 1)) == 0))
    if len(silent):
        sentence = f"{len(silent)} of {trials.units} units have no spike in the {subject.fitting_split} trials: {_listed(silent)}."
        return Finding(
            "look", "silent units", sentence, "Nothing can be learnt about them: leave them out, or widen the window."
        )
    return Finding("fine", "silent units", f"All {trials.units} units spike in the {subject.fitting_split} trials.")


def dead_units(subject: Subject) -> Finding | None:
    """Units whose inferred rate does not move though they spike."""
    rates = subject.test_inference.rates
    if rates is None or not _spikes(subject):
        return None
    test = subject.test
    inside = rates[test.mask].astype(np.float64)
    fires = np.nansum(subject.recorded, (0, 1)) > 0
    flat = np.flatnonzero((inside.std(0) < FLAT_RATE * np.maximum(inside.mean(0), 1e-12)) & fires)
    if len(flat):
        share = len(flat) / max(int(fires.sum()), 1)
        sentence = f"The inferred rates of {len(flat)} of {int(fires.sum())} spiking units are flat (SD below {FLAT_RATE:.0%} of the mean): {_listed(flat)}."
        advice = (
            "The model falls back on mean rates: train longer, lower the KL scale, or raise the number of latents."
            if share > 0.5
            else "These units may be untuned; check them in the raster before believing a score that averages over units."
        )
        return Finding("look", "dead units", sentence, advice)
    return Finding("fine", "dead units", "The inferred rate of every spiking unit varies.")


def floored_rates(subject: Subject) -> Finding | None:
    """Entries with a rate next to nothing, where one spike costs a score dearly."""
    rates = subject.test_inference.rates
    if rates is None or not _spikes(subject):
        return None
    test = subject.test
    inside = rates[test.mask].astype(np.float64)
    floored = inside < FLOORED_RATE * np.maximum(inside.mean(0), 1e-12)
    hit = int(np.nansum(subject.recorded[test.mask][floored]))
    if floored.mean() > FLOORED_SHARE:
        sentence = f"{floored.mean():.1%} of the inferred rates lie below {FLOORED_RATE:g} of their unit's mean; {hit} test spikes fell there, where each costs at least {np.log2(1 / FLOORED_RATE):.0f} bits against the mean rate."
        return Finding(
            "look",
            "floored rates",
            sentence,
            "Use posterior-sample averaging, more dropout or weight penalties, or fewer epochs: the model is surer than the spikes allow.",
        )
    return Finding(
        "fine",
        "floored rates",
        f"{floored.mean():.2%} of the inferred rates are next to zero, with {hit} test spikes in them.",
    )


def idle_latents(subject: Subject) -> Finding | None:
    """Latents that hardly vary, and how many dimensions the others span."""
    latents = subject.test_inference.latents
    if latents is None:
        return None
    inside = latents[subject.test.mask[:, : latents.shape[1]]].astype(np.float64)
    variance = inside.var(0)
    if not variance.max() > 0:
        return Finding(
            "look",
            "latents",
            f"None of the {len(variance)} latents varies at all.",
            "Training did not start or the posterior collapsed: lower the KL scale, raise the learning rate.",
        )
    idle = int(np.sum(variance < SMALL_LATENT * variance.max()))
    spectrum = np.linalg.eigvalsh(np.atleast_2d(np.cov(inside.T)))
    spanned = float(spectrum.sum() ** 2 / np.sum(spectrum**2))
    text = f"{idle} of {len(variance)} latents hardly vary; together they span about {spanned:.1f} dimensions (participation ratio)."
    if idle > MOST_IDLE_LATENTS * len(variance):
        return Finding("look", "latents", text, "Fewer latents would do.")
    return Finding("fine", "latents", text)


def latent_use(subject: Subject) -> Finding | None:
    """Whether the score goes through the latents, or past them."""
    score = next((s for s in subject.scores if s.name == "latent_use"), None)
    share = None if score is None else score.context["share"]
    if score is None or share is None or not np.isfinite(share):
        return None
    if share < LITTLE_USE:
        advice = "The rates reach the units by another path, so that the latents do not explain them: close that path, or read nothing into the latents."
        return Finding("look", "latent use", in_words(score), advice)
    return Finding("fine", "latent use", in_words(score))


def input_use(subject: Subject) -> Finding | None:
    """Whether inferred inputs vary, over time and between trials."""
    inputs = subject.test_inference.inputs
    if inputs is None or inputs.shape[2] == 0:
        return None
    inside = np.where(subject.test.mask[:, : inputs.shape[1], None], inputs, np.nan).astype(np.float64)
    deviation = float(np.nanstd(inside, (0, 1)).max())
    if deviation < IDLE_INPUT:
        sentence = f"The inferred inputs do not vary (largest SD {deviation:.2g}): the dynamics run on their own."
        return Finding(
            "look",
            "inputs",
            sentence,
            "Right for autonomous dynamics. If inputs are expected, lower the KL scale of the inputs.",
        )
    over_time = average(inside)
    share = float(np.nanvar(over_time, 0).sum() / max(np.nanvar(inside, (0, 1)).sum(), 1e-300))
    return Finding(
        "fine",
        "inputs",
        f"The inferred inputs vary (largest SD {deviation:.2g}); {share:.0%} of the variance is a time course all trials share.",
    )


def copied_spikes(subject: Subject) -> Finding | None:
    """Whether rates follow their own spikes bin by bin.

    The fast part of a series is its value minus the mean of its two neighbours. Where the fast part of a rate correlates with that of the
    same unit's spikes, the model either copies spikes or follows real changes faster than a bin; held-out units, which cannot be copied, tell.
    """
    rates = subject.test_inference.rates
    if rates is None or not _spikes(subject) or subject.test.observed_bins < 5:
        return None
    test = subject.test
    held = {
        name: _fast_correlation(subject, units)
        for name, units in (("in", test.heldin), ("out", test.heldout))
        if len(units)
    }
    own, other = held["in"], held.get("out")
    text = f"Bin-by-bin changes of held-in rates correlate {own:.2f} with those of their own spikes"
    text += f" ({other:.2f} for held-out units, which cannot be copied)." if other is not None else "."
    if own > COPY_CORRELATION and own > (other or 0) + COPY_EXCESS:
        return Finding(
            "look",
            "copied spikes",
            text,
            "The model copies its input: use coordinated dropout or mask more, and do not score it on held-in units.",
        )
    return Finding("fine", "copied spikes", text)


def generalisation(subject: Subject) -> Finding | None:
    """Bits per spike on the fitting split and on test, over what is known on test, each against its own mean rates."""
    splits = [s for s in ("train", "test") if s in subject.inferred and subject.inferred[s].rates is not None]
    if len(splits) < 2 or not _spikes(subject):
        return None
    train, test = (_bits_per_spike(subject, split) for split in splits)
    over = "all units and bins" if subject.test.known.any(0).all() else "the units and bins that are known on test"
    text = f"Over {over} the rates are worth {train:.3f} bits per spike on train and {test:.3f} on test (beyond each split's mean rates)."
    if test <= 0:
        return Finding(
            "look",
            "generalisation",
            text,
            "Mean rates predict the test trials as well or better: see the advice on baselines.",
        )
    if train > 0 and train - test > GENERALISATION_GAP * train:
        return Finding(
            "look",
            "generalisation",
            text,
            "The model fits its training trials: more dropout, weight penalties or data, fewer latents; trust the test column only.",
        )
    return Finding("fine", "generalisation", text)


def _spikes(subject: Subject) -> bool:
    return subject.test.neural_name is not None and subject.test.neural.kind == "spikes"


def _listed(units: np.ndarray) -> str:
    shown = ", ".join(str(u + 1) for u in units[:8])
    return "unit " + shown if len(units) == 1 else f"units {shown}" + (" ..." if len(units) > 8 else "")


def _fast_correlation(subject: Subject, units: np.ndarray) -> float:
    rates, seen = subject.test_inference.rates, subject.test.observed_bins
    assert rates is not None
    fast = []
    for values in (rates, subject.recorded):
        own = values[:, :seen, units].astype(np.float64)
        fast.append(own[:, 1:-1] - (own[:, 2:] + own[:, :-2]) / 2)
    known = ~np.isnan(fast[1])  # of three bins, all
    a, b = (np.where(known, f, 0) for f in fast)
    number = np.maximum(known.sum((0, 1)), 1)
    a, b = (np.where(known, f - f.sum((0, 1)) / number, 0) for f in (a, b))
    scale = np.sqrt((a**2).sum((0, 1)) * (b**2).sum((0, 1)))
    valid = scale > 0
    return float(((a * b).sum((0, 1))[valid] / scale[valid]).mean()) if valid.any() else 0.0


def _bits_per_spike(subject: Subject, split: str) -> float:
    trials, rates = subject.trials[split], subject.inferred[split].rates
    assert rates is not None
    known = np.broadcast_to(trials.known & subject.test.known.any(0), rates.shape)
    counts = np.where(known, trials.counts, 0.0)
    said = np.maximum(np.where(known, rates, 1.0).astype(np.float64), 1e-9)
    mean = np.maximum(counts.sum((0, 1)) / np.maximum(known.sum((0, 1)), 1), 1e-9)
    gain = counts * np.log(said / mean) - np.where(known, said - mean, 0.0)
    return float(gain.sum() / max(counts.sum(), 1) / np.log(2))


CHECKS: tuple[Check, ...] = (
    beats_baselines,
    finite_values,
    silent_units,
    dead_units,
    floored_rates,
    idle_latents,
    latent_use,
    input_use,
    copied_spikes,
    generalisation,
)
"""Checks of scores, data and inference, in the order of the page."""
