"""How much does it save to leave out ln n! where it cancels, and logarithms where no spike fell?

python benchmarks/co_bps.py [--trials 574] [--rounds 5] [--json]

Sizes: mc_maze, 5 ms bins, 45 held-out units. The reference evaluates every term of the Poisson log likelihood at every entry, as the benchmark's own
tool does. Both are tested equal first; CPU clock, one thread, rounds interleaved, median of the rounds' ratios.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

from neurodyn.metrics._bits_per_spike import bits_per_spike


def reference(rates: np.ndarray, counts: np.ndarray) -> float:
    """Bits per spike term by term."""
    null = np.broadcast_to(counts.mean((0, 1), keepdims=True), counts.shape)

    def likelihood(r: np.ndarray) -> float:
        r = np.where(r == 0, 1e-9, r)
        return float(np.sum(r - counts * np.log(r) + gammaln(counts + 1.0)))

    return (likelihood(null) - likelihood(rates)) / float(counts.sum()) / float(np.log(2))


def cpu(call: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=574)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    rates = generator.gamma(2, 0.015, (options.trials, 140, 45)).astype(np.float32)
    counts = generator.poisson(rates).astype(np.uint16)
    mask = np.ones(rates.shape[:2], bool)
    wide = rates.astype(np.float64), counts.astype(np.float64)  # the form the reference tool is handed; not timed
    difference = abs(reference(*wide) - bits_per_spike(rates, counts, mask).value)
    assert difference < 1e-9, difference
    rounds = [
        (cpu(lambda: reference(*wide)), cpu(lambda: bits_per_spike(rates, counts, mask).value))
        for _ in range(options.rounds)
    ]
    found = {
        "reference_ms": 1e3 * statistics.median(r for r, _ in rounds),
        "neurodyn_ms": 1e3 * statistics.median(o for _, o in rounds),
        "ratio": statistics.median(r / o for r, o in rounds),
        "difference": difference,
        "rounds": options.rounds,
    }
    print(json.dumps(found) if options.json else "\n".join(f"{k}: {v:.4g}" for k, v in found.items()))


if __name__ == "__main__":
    main()
