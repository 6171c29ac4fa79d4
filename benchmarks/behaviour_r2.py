"""How much does it save to compute sums of products once for every ridge penalty and fold?

python benchmarks/behaviour_r2.py [--trials 430] [--rounds 5] [--json]

Sizes: mc_maze, 5 ms bins, 182 units, velocity in the plane, 9 penalties, 5 contiguous folds (1721 trials for the full training set). The reference is
scikit-learn's GridSearchCV over Ridge. The penalty must be the same and R² equal first; CPU clock, one thread, rounds interleaved, median ratio.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import statistics
import time

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from neurodyn.metrics._linear_map import fit_cross_validated
from neurodyn.metrics.behaviour_r2 import PENALTIES


def reference(x: np.ndarray, y: np.ndarray) -> tuple[GridSearchCV, float]:
    """scikit-learn's search, and its CPU seconds."""
    start = time.process_time()
    fitted = GridSearchCV(Ridge(), {"alpha": PENALTIES}, cv=5).fit(x, y)
    return fitted, time.process_time() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=430, help="training trials; rounded to a multiple of 5")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    trials = max(options.trials // 5, 1) * 5  # then whole trials and rows are cut into the same folds
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(182, 2))
    x = generator.gamma(2, 0.02, (trials * 140, 182))
    y = x @ weights + generator.normal(size=(len(x), 2)) * 0.2
    test = generator.gamma(2, 0.02, (20000, 182))
    truth = test @ weights + generator.normal(size=(len(test), 2)) * 0.2
    group = np.repeat(np.arange(trials), 140)
    rounds, difference = [], 0.0
    for _ in range(options.rounds):
        peer, slow = reference(x, y)
        start = time.process_time()
        ours = fit_cross_validated(x, y, group, PENALTIES)
        rounds.append((slow, time.process_time() - start))
        assert ours.penalty == peer.best_params_["alpha"]
        difference = abs(r2_score(truth, ours(test)) - r2_score(truth, peer.predict(test)))
        assert difference < 1e-8, difference
    found = {
        "reference_s": statistics.median(r for r, _ in rounds),
        "neurodyn_s": statistics.median(o for _, o in rounds),
        "ratio": statistics.median(r / o for r, o in rounds),
        "difference": difference,
        "rounds": options.rounds,
    }
    print(json.dumps(found) if options.json else "\n".join(f"{k}: {v:.4g}" for k, v in found.items()))


if __name__ == "__main__":
    main()
