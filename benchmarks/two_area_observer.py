"""What the best reader of two areas' spikes can say: an extended Kalman smoother that knows the circuit, on the test trials of `two_area`.

No model that is fitted should beat it by much, so that a score is read beside it. Its state holds the four gating values, a trial's coherence and the two
stimulus currents' fluctuations (AR(1), as if their pulses were Gaussian); spikes enter by Newton steps of the exact Poisson likelihood. Approximate, and so not
an upper bound.

    python benchmarks/two_area_observer.py --variant recnf --trials 1250 --randomness per_trial
"""

from __future__ import annotations

import argparse

import numpy as np

import neurodyn
from neurodyn.data.trials import Trials
from neurodyn.simulate.known import simulator_of
from neurodyn.simulate.two_area import PFC, PPC, TwoArea

NOISE_NA = 0.00946
"""Standard deviation of the private noise currents, held for a bin."""
MEAN_NA, COHERENCE_NA, PULSES_NA, PULSES_BINS = 0.0108, 0.0055, 0.0114, 3.5
"""Stimulus current at 18 Hz; its spread over trials; over time within one; and for how many bins that lasts."""
FIRST, LAST = 5, 95
"""Bins of the stimulus."""


def smoothed(trials: Trials) -> np.ndarray:
    """Posterior means of the four gating values, `(trial, time, 4)`."""
    system = simulator_of(trials)
    assert isinstance(system, TwoArea)
    counts = trials.counts.astype(float)
    states, log_rates = trials.truth["states"].reshape(-1, 4), np.log(trials.truth["rates"]).reshape(-1, trials.units)
    design = np.column_stack([states, np.ones(len(states))])
    *reads, offset = np.linalg.lstsq(design, log_rates, rcond=None)[0]  # log rates are an affine function of the states
    weights = np.array(reads).T
    keep = np.exp(-1 / PULSES_BINS)
    fresh = PULSES_NA**2 * (1 - keep**2)

    def step(z: np.ndarray, t: int, more: np.ndarray | float = 0.0) -> np.ndarray:
        current = np.zeros((len(z), 4))
        if FIRST <= t < LAST:
            current[:, 0] = MEAN_NA + z[:, 4] + z[:, 5]
            current[:, 1] = MEAN_NA - z[:, 4] + z[:, 6]
        after = z.copy()
        after[:, :4] = system.step(z[:, :4], current + more)
        after[:, 5:] *= keep
        return after

    def slopes(z: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
        h = 1e-5
        of_state = np.stack([(step(z + h * e, t) - step(z - h * e, t)) / (2 * h) for e in np.eye(7)], 2)
        of_noise = np.stack([(step(z, t, h * e) - step(z, t, -h * e)) / (2 * h) for e in np.eye(4)], 2)
        return of_state, of_noise

    mean = np.zeros((len(counts), 7))
    mean[:, :4] = system.config.start_mean
    spread = np.diag([system.config.start_mean**2] * 4 + [COHERENCE_NA**2] + [PULSES_NA**2] * 2)
    covariance = np.tile(spread, (len(counts), 1, 1))
    added = np.diag([1e-8] * 4 + [0] + [fresh] * 2)
    path = []
    for t in range(trials.bins):
        jacobian, of_noise = slopes(mean, t)
        ahead = step(mean, t)
        before = (
            jacobian @ covariance @ jacobian.transpose(0, 2, 1)
            + NOISE_NA**2 * of_noise @ of_noise.transpose(0, 2, 1)
            + added
        )
        precision, mean = np.linalg.inv(before), ahead.copy()
        for _ in range(5):
            expected = np.exp(mean[:, :4] @ weights.T + offset)
            pull = -np.einsum("nij,nj->ni", precision, mean - ahead)
            pull[:, :4] += (counts[:, t] - expected) @ weights
            curvature = precision.copy()
            curvature[:, :4, :4] += np.einsum("nu,ui,uj->nij", expected, weights, weights)
            mean = mean + np.linalg.solve(curvature, pull[..., None])[..., 0]
        covariance = np.linalg.inv(curvature)
        path.append((mean, covariance, ahead, before, jacobian))
    found = [mean]
    for t in range(trials.bins - 2, -1, -1):
        at, its, *_ = path[t]
        _, _, ahead, before, jacobian = path[t + 1]
        gain = its @ jacobian.transpose(0, 2, 1) @ np.linalg.inv(before)
        found.append(at + np.einsum("nij,nj->ni", gain, found[-1] - ahead))
    return np.stack(found[::-1], 1)[..., :4]


def r2(true: np.ndarray, found: np.ndarray) -> float:
    """Variance-weighted, without any regression."""
    return float(1 - np.square(true - found).sum() / np.square(true - true.mean((0, 1))).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="recnf")
    parser.add_argument("--trials", type=int, default=1250)
    parser.add_argument("--units", type=int, default=30)
    parser.add_argument("--randomness", default="per_trial")
    asked = parser.parse_args()
    loaded = neurodyn.load("two_area", recorded="both", heldout=0, forward=0, **vars(asked))
    assert isinstance(loaded, Trials)
    trials = loaded.test
    found, system = smoothed(trials), simulator_of(trials)
    assert isinstance(system, TwoArea)
    into_pfc, into_ppc = found[..., PPC] @ system.coupling[PPC, PFC], found[..., PFC] @ system.coupling[PFC, PPC]
    print(f"{asked.variant}, {len(trials)} test trials, {asked.units} units an area: R2 of")
    print(f"  the input into PFC  {r2(trials.truth['inputs'], into_pfc):.3f}")
    print(f"  the input into PPC  {r2(trials.truth['inputs_to_ppc'], into_ppc):.3f}")
    print(f"  all gating values   {r2(trials.truth['states'], found):.3f}")


if __name__ == "__main__":
    main()
