"""Distances between all pairs of networks: ours in blocks, and the public package's pair by pair.

    python benchmarks/similarity_pairs.py [--peers DIR] [--networks 50] [--samples 3000] [--units 100] [--measures NAME ...] [--rounds 5] [--json FILE]

DIR holds a checkout `netrep`. Equality of all pairs is tested first. Contenders then run in interleaved rounds, in rotating order, on one thread, by the process CPU clock; the ratio is
the median over rounds. Without peers ours is timed beside a loop of its own over pairs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
from interleaved import interleaved, parser, report

from neurodyn.similarity.measures.base import SimilarityMeasure
from neurodyn.similarity.measures.cka import CKA, CKAConfig
from neurodyn.similarity.measures.procrustes import Procrustes, ProcrustesConfig

LATENTS, TOLERANCE = 12, 1e-8
OURS: dict[str, SimilarityMeasure] = {
    "procrustes": Procrustes(ProcrustesConfig(radians=True)),
    "procrustes, alpha 0.5": Procrustes(ProcrustesConfig(alpha=0.5, mode="release", radians=True)),
    "procrustes, alpha 0": Procrustes(ProcrustesConfig(alpha=0.0, mode="release", radians=True)),
    "procrustes, euclidean": Procrustes(ProcrustesConfig(form="euclidean")),
    "cka": CKA(CKAConfig(radians=True)),
}
"""In the peer's units."""
THEIRS = {
    "procrustes": {"alpha": 1.0, "score_method": "angular"},
    "procrustes, alpha 0.5": {"alpha": 0.5, "score_method": "angular"},
    "procrustes, alpha 0": {"alpha": 0.0, "score_method": "angular"},
    "procrustes, euclidean": {"alpha": 1.0, "score_method": "euclidean"},
}
"""Options of their `LinearMetric`; the others have a class of their own."""
Distances = Callable[[], np.ndarray]


def networks(number: int, samples: int, units: int) -> list[np.ndarray]:
    """Saturating random projections of one random walk, and noise."""
    generator = np.random.default_rng(0)
    latents = np.cumsum(generator.standard_normal((samples, LATENTS)), 0) / 30

    def drawn() -> np.ndarray:
        seen = np.tanh(0.3 * latents @ generator.standard_normal((LATENTS, units)))
        return seen + 0.05 * generator.standard_normal((samples, units))

    return [drawn() for _ in range(number)]


def one_by_one(measure: SimilarityMeasure, activities: list[np.ndarray]) -> np.ndarray:
    """Our own distances pair by pair."""
    found = np.zeros((len(activities), len(activities)))
    for i, j in combinations(range(len(activities)), 2):
        found[i, j] = found[j, i] = measure.fit(activities[i], activities[j]).score()
    return found


def their_distances(folder: Path, name: str, activities: list[np.ndarray]) -> dict[str, Distances]:
    sys.path.insert(0, str(folder / "netrep"))
    from netrep.metrics import LinearCKA, LinearMetric
    from netrep.multiset import pairwise_distances

    if name not in THEIRS:
        return {"netrep": lambda: pairwise_distances(LinearCKA(center_columns=True), activities, verbose=False)}
    metric = LinearMetric(center_columns=True, **THEIRS[name])
    return {
        "netrep": lambda: pairwise_distances(metric, activities, verbose=False),
        "netrep, enable_caching": lambda: pairwise_distances(metric, activities, verbose=False, enable_caching=True),
    }


def main() -> None:
    """Measures and prints."""
    made = parser(__doc__, peers="netrep")
    made.add_argument("--networks", type=int, default=50)
    made.add_argument("--samples", type=int, default=3000)
    made.add_argument("--units", type=int, default=100)
    made.add_argument("--measures", nargs="+", choices=list(OURS), default=["procrustes"])
    options = made.parse_args()
    activities = networks(options.networks, options.samples, options.units)
    for name in options.measures:
        measure = OURS[name]
        contenders: dict[str, Distances] = {"neurodyn": lambda measure=measure: measure.pairwise(activities)}
        if options.peers is None:
            contenders["neurodyn, pair by pair"] = lambda measure=measure: one_by_one(measure, activities)
        else:
            contenders |= their_distances(options.peers, name, activities)
        ours, *others = (call() for call in contenders.values())
        difference = max(float(np.abs(other - ours).max()) for other in others)
        assert difference < TOLERANCE, (name, difference)
        times = interleaved(contenders, options.rounds)
        sizes = {size: getattr(options, size) for size in ("networks", "samples", "units", "rounds")}
        report({"measure": name, "difference": difference, "times": times, **sizes}, options.json)


if __name__ == "__main__":
    main()
