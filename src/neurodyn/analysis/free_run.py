"""A fitted model left to itself for long, beside the true system from the same states."""

from __future__ import annotations

from typing import Literal

import numpy as np

from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.state_latents import latents_of
from neurodyn.analysis.visited import Visited
from neurodyn.config import check_range
from neurodyn.data.trials import Trials
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.free_run import FreeRun, free_run
from neurodyn.dynamics.long_runs import LongRuns
from neurodyn.dynamics.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array
from neurodyn.simulate.base import Simulator

Held = Literal["mean", "last", "zero"]
_LYAPUNOV_TRANSIENT, _EXPONENTS = 64, 10
_LEAST_TRIALS, _LEAST_BINS = 4, 8


def free_runs(
    learned: LearnedDynamics,
    *,
    bins: int = 512,
    transient: int = 128,
    most: int = 64,
    held: Held = "mean",
    steps: int = 250,
) -> LongRuns:
    """Long runs of a model from its states at the end of the test trials, and of the true system from its own.

    The model is driven by one constant input, since there are no data to infer any from, and noise that its prior may have is left out, as
    it is from the true system, which is driven by nothing. Latents are mapped onto the true ones by the affine map fitted on train. Where no
    simulator is known, the reference is what the model says of the test trials, and it runs as long as they are, from their first bins.

    Args:
        learned: the model and its trials.
        bins: of a run that count.
        transient: bins before them that do not.
        most: test trials to start from, at most.
        held: the input: the mean over the training bins, of inferred and known ones; each trial's last; or zero.
        steps: bins that Lyapunov exponents are means over, from the first bin that counts; 64 more go before, or `transient` if that is less.

    Raises:
        InvalidInput: fewer than 4 test trials; a model without dynamics; trials of fewer than 8 bins where they are the reference.
    """
    check_range("bins", bins, 2)
    check_range("transient", transient, 0)
    check_range("most", most, _LEAST_TRIALS)
    trials = np.arange(min(most, len(learned.test)))
    if len(trials) < _LEAST_TRIALS:
        fix = "Give more trials, or a larger share of them to the test split."
        raise InvalidInput("test trials", len(trials), f"at least {_LEAST_TRIALS} to run from", fix)
    seen = learned.seen_test
    simulator, to_truth = learned.simulator, learned.to_truth
    known = simulator is not None and to_truth is not None and "states" in learned.test.truth
    start, last = first_and_last(seen)
    if not known:
        bins, transient = (
            int(min((last - start)[trials].min(), (np.subtract(*first_and_last(learned.seen_train)[::-1])).min())),
            0,
        )
        if bins < _LEAST_BINS:
            raise InvalidInput("trials", f"{bins + 1} bins", f"at least {_LEAST_BINS + 1}", "Use longer trials.")
    at = last if known else start
    states, drive = seen.states[trials, at[trials]], _held(learned, held, trials, at)
    runs = free_run(learned.dynamics, states, drive, bins=bins, transient=transient)
    latents = latents_of(learned.model, runs.states, seen.latents.shape[2])
    exponents = _exponents(learned.dynamics, runs, drive, steps, transient)
    true_exponents: LyapunovSpectrum | None = None
    r2 = None
    if known:
        assert simulator is not None and to_truth is not None
        latents = to_truth(latents)
        other, ends = np.arange(min(most, len(learned.train))), first_and_last(learned.seen_train)[1]
        true = _true_runs(simulator, learned.test, trials, last, bins, transient)
        others = _true_runs(simulator, learned.train, other, ends, bins, transient)
        truth, again = (_true_latents(simulator, learned.train, each.states) for each in (true, others))
        true_exponents = _exponents(_map_of(simulator), true, np.zeros((len(trials), 0)), steps, transient)
        r2 = _map_r2(learned)
        reference = f"the {learned.test.name} system from the same trials' true states, undriven and without noise"
    else:
        if to_truth is not None:
            latents, r2 = to_truth(latents), _map_r2(learned)
        truth = _windows(learned, seen, trials, start, bins)
        other = np.arange(min(most, len(learned.train)))
        again = _windows(learned, learned.seen_train, other, first_and_last(learned.seen_train)[0], bins)
        reference = "the latents that the model infers on the test trials"
    said = {
        "mean": "the mean input of the training bins held",
        "last": "each trial's last input held",
        "zero": "no input",
    }
    words = said[held] if drive.shape[1] else "a model without inputs"
    return LongRuns(
        latents,
        runs.diverged,
        truth,
        again,
        learned.test.bin_s,
        reference,
        words,
        r2,
        exponents,
        true_exponents,
        learned.seed,
    )


def kept_free_runs(learned: LearnedDynamics) -> LongRuns:
    """`free_runs` with its defaults, made once for all measures."""
    return learned.kept("free_runs", lambda: free_runs(learned))


def first_and_last(seen: Visited) -> tuple[Array, Array]:
    """First and last valid bin of each trial, int `(trial,)` each."""
    mask = seen.mask
    return np.asarray(mask.argmax(1)), np.asarray(mask.shape[1] - 1 - mask[:, ::-1].argmax(1))


def _held(learned: LearnedDynamics, held: Held, trials: Array, at: Array) -> Array:
    drives = learned.seen_test.drives
    if held == "last":
        return np.asarray(drives[trials, at[trials]])
    mean = learned.seen_train.drives[learned.seen_train.mask].mean(0) if held == "mean" else np.zeros(drives.shape[2])
    return np.tile(mean, (len(trials), 1))


def _map_of(simulator: Simulator) -> DiscreteMap:
    return DiscreteMap.of_arrays(lambda state, _: simulator.step(state))


def _true_runs(simulator: Simulator, trials: Trials, rows: Array, at: Array, bins: int, transient: int) -> FreeRun:
    """The true system from true states."""
    starts = trials.truth["states"].astype(float)[rows, at[rows]]
    return free_run(_map_of(simulator), starts, bins=bins, transient=transient)


def _true_latents(simulator: Simulator, train: Trials, states: Array) -> Array:
    """Latents of states in the coordinates of the trials' truth, which may be standardised by numbers of their own: an affine map that is exact."""
    mask = train.mask
    read = simulator.decode(train.truth["states"].astype(float)[mask])
    design = np.column_stack([read, np.ones(len(read))])
    weights = np.linalg.lstsq(design, train.truth["latents"].astype(float)[mask], rcond=None)[0]
    return np.asarray(simulator.decode(states) @ weights[:-1] + weights[-1])


def _exponents(dynamics: DiscreteMap, runs: FreeRun, drive: Array, steps: int, transient: int) -> LyapunovSpectrum:
    """Leading Lyapunov exponents from the first kept bin of the runs, where they have reached what attracts them; of those alone that did not diverge, if any."""
    whole = np.flatnonzero(~runs.diverged)
    rows = whole if len(whole) else np.arange(len(runs.states))
    found = lyapunov_spectrum(
        dynamics,
        runs.states[rows, 0],
        drive[rows],
        steps=steps,
        transient=min(transient, _LYAPUNOV_TRANSIENT),
        exponents=min(_EXPONENTS, runs.states.shape[2]),
    )
    if not len(whole):
        return LyapunovSpectrum(found.by_start[:0], found.steps, len(rows))
    return LyapunovSpectrum(found.by_start, found.steps, found.diverged + len(runs.states) - len(whole))


def _windows(learned: LearnedDynamics, seen: Visited, rows: Array, start: Array, bins: int) -> Array:
    """Latents that the model infers, from one bin after each trial's first."""
    index = start[rows, None] + 1 + np.arange(bins)
    latents = seen.latents[rows[:, None], index]
    return latents if learned.to_truth is None else learned.to_truth(latents)


def _map_r2(learned: LearnedDynamics) -> float:
    assert learned.to_truth is not None
    mask = learned.test.mask
    true = learned.test.truth["latents"].astype(float)[mask]
    left = np.square(true - learned.to_truth(learned.seen_test.latents[mask])).sum()
    return float(1 - left / np.maximum(np.square(true - true.mean(0)).sum(), 1e-300))
