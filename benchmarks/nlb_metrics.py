"""How much faster than the reference evaluator are the benchmark's measures?

python benchmarks/nlb_metrics.py [--peers DIR] [--training-trials 1721] [--trials 574] [--rounds 5] [--json]

Sizes: mc_maze, 5 ms bins: 140 bins, 137 + 45 units, 108 conditions. With --peers the reference is the benchmark's own evaluator, read from
DIR/nlb_tools; without, the same formulas with scikit-learn and SciPy. All are tested equal first; CPU clock, one thread, rounds interleaved, median of
the rounds' ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import gammaln
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics.psth_r2 import psth_r2
from neurodyn.metrics.velocity_r2 import PENALTIES, velocity_r2

BINS, UNITS, HELDOUT, CONDITIONS, LATENTS = 140, 182, 45, 108, 20


def data(training: int, trials: int) -> SimpleNamespace:
    """Rates of a latent random walk, velocity linear in it plus noise, counts, conditions and PSTHs, all as the reference wants them: float64."""
    generator = np.random.default_rng(0)
    loadings, readout = 0.3 * generator.normal(size=(LATENTS, UNITS)), generator.normal(size=(LATENTS, 2))

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        latents = np.cumsum(generator.normal(size=(n, BINS, LATENTS)), 1) / 10
        return np.exp(latents @ loadings - 3), latents @ readout + generator.normal(size=(n, BINS, 2))

    train_rates, train_velocity = drawn(training)
    test_rates, test_velocity = drawn(trials)
    heldout = np.ascontiguousarray(test_rates[..., -HELDOUT:])
    condition = generator.integers(0, CONDITIONS, trials)
    rows = np.empty(CONDITIONS, object)
    for k in range(CONDITIONS):
        rows[k] = np.flatnonzero(condition == k)
    return SimpleNamespace(
        train_rates=train_rates,
        train_velocity=train_velocity,
        test_rates=test_rates,
        test_velocity=test_velocity,
        heldout=heldout,
        counts=generator.poisson(heldout).astype(float),
        psth=np.exp(0.3 * generator.normal(size=(CONDITIONS, BINS, UNITS)) - 3),
        rows=rows,
    )


def plain(d: SimpleNamespace) -> Mapping[str, Callable[[], float]]:
    """The measures from scikit-learn's and SciPy's parts."""

    def velocity() -> float:
        def flat(x: np.ndarray) -> np.ndarray:
            return x.reshape(-1, x.shape[2])

        fitted = GridSearchCV(Ridge(), {"alpha": PENALTIES}, cv=5).fit(flat(d.train_rates), flat(d.train_velocity))
        return float(r2_score(flat(d.test_velocity), fitted.predict(flat(d.test_rates))))

    def likelihood(rates: np.ndarray) -> float:
        return float(np.sum(rates - d.counts * np.log(rates) + gammaln(d.counts + 1)))

    def bits() -> float:
        null = np.broadcast_to(d.counts.mean((0, 1)), d.counts.shape)
        return (likelihood(null) - likelihood(d.heldout)) / float(d.counts.sum()) / float(np.log(2))

    def averages() -> float:
        kept = [k for k in range(CONDITIONS) if len(d.rows[k])]
        predicted = np.concatenate([d.test_rates[d.rows[k]].mean(0) for k in kept])
        return float(r2_score(np.concatenate(d.psth[kept]), predicted))

    return {"velocity_r2": velocity, "co_bps": bits, "psth_r2": averages}


def reference(d: SimpleNamespace, peers: Path) -> Mapping[str, Callable[[], float]]:
    """The benchmark's own evaluator."""
    spec = importlib.util.spec_from_file_location("reference", peers / "nlb_tools" / "nlb_tools" / "evaluation.py")
    assert spec is not None and spec.loader is not None
    peer: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    train, test = np.ones((len(d.train_rates), 1), bool), np.ones((len(d.test_rates), 1), bool)
    return {
        "velocity_r2": lambda: peer.velocity_decoding(
            d.train_rates, d.train_velocity, train, d.test_rates, d.test_velocity, test
        ),
        "co_bps": lambda: peer.bits_per_spike(d.heldout, d.counts),
        "psth_r2": lambda: peer.eval_psth(d.psth, d.test_rates, d.rows),
    }


def ours(d: SimpleNamespace) -> Mapping[str, Callable[[], float]]:
    """neurodyn's."""
    known = np.ones(d.counts.shape[:2], bool)
    return {
        "velocity_r2": lambda: velocity_r2(d.train_rates, d.train_velocity, d.test_rates, d.test_velocity).value,
        "co_bps": lambda: bits_per_spike(d.heldout, d.counts, known).value,
        "psth_r2": lambda: psth_r2(d.psth, d.test_rates, list(d.rows)).value,
    }


def cpu(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="folder that holds a checkout of nlb_tools")
    parser.add_argument("--training-trials", type=int, default=1721)
    parser.add_argument("--trials", type=int, default=574)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    d = data(options.training_trials, options.trials)
    peer = reference(d, options.peers) if options.peers else plain(d)
    found = {}
    for name, own in ours(d).items():
        difference = abs(peer[name]() - own())
        assert difference < 1e-10, (name, difference)
        rounds = [(cpu(peer[name]), cpu(own)) for _ in range(options.rounds)]
        found[name] = {
            "reference_s": statistics.median(r for r, _ in rounds),
            "neurodyn_s": statistics.median(o for _, o in rounds),
            "ratio": statistics.median(r / o for r, o in rounds),
            "difference": difference,
        }
    head = {"reference": "nlb_tools" if options.peers else "scikit-learn and SciPy", "rounds": options.rounds}
    if options.json:
        print(json.dumps(head | found))
        return
    print(", ".join(f"{k}: {v}" for k, v in head.items()))
    for name, numbers in found.items():
        print(name, ", ".join(f"{k} {v:.4g}" for k, v in numbers.items()))


if __name__ == "__main__":
    main()
