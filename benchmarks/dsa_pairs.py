"""Dynamical similarity of all pairs of 10 systems, 20 trials of 200 bins and 10 units each, 10 delays and rank 20: ours and the public code's.

    python benchmarks/dsa_pairs.py [--peers DIR] [--rounds 5] [--systems 10] [--procrustes] [--json FILE]

DIR holds a checkout `DSA` (its requirements besides torch: pot, pydmd, omegaconf). Equality is tested first: eigenvalue distances of mode `release` against the public code's on the same
data (it computes in float32); Procrustes angles of ours must be as small as the public ones. Contenders then run in interleaved rounds, in rotating order, on one thread, by the process CPU
clock; the ratio is the median over rounds. `--procrustes` times that form too, which takes the public code minutes a round.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from interleaved import interleaved, parser, report

from neurodyn.similarity.measures.dsa import DSA, DSAConfig

TRIALS, BINS, UNITS, DELAYS, RANK = 20, 200, 10, 10, 20


def make_systems(count: int) -> list[np.ndarray]:
    """Noisy rotations of different speed, seen by 10 units with noise of their own."""
    generator = np.random.default_rng(0)
    found = []
    for place in range(count):
        angle = 0.05 + 0.05 * place
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        state, states = generator.standard_normal((TRIALS, 2)), []
        for _ in range(BINS):
            state = 0.999 * state @ turn.T + 0.02 * generator.standard_normal((TRIALS, 2))
            states.append(state)
        seen = np.stack(states, 1) @ generator.standard_normal((2, UNITS))
        noise = 0.01 * generator.standard_normal((TRIALS, BINS, UNITS))
        found.append((seen + noise).astype(np.float32))
    return found


def make_ours(systems: list[np.ndarray], **options: Any) -> Callable[[], np.ndarray]:
    measure = DSA(DSAConfig(delays=DELAYS, rank=RANK, **options))
    return lambda: measure.pairwise(systems)


def make_peer(folder: Path, systems: list[np.ndarray], method: str) -> Callable[[], np.ndarray]:
    sys.path.insert(0, str(folder / "DSA"))
    warnings.filterwarnings("ignore")
    from DSA import DSA as Peer

    options = {"n_delays": DELAYS, "rank": RANK, "device": "cpu", "verbose": False, "score_method": method}
    if method == "angular":
        options |= {"iters": 1500, "lr": 5e-3}
    return lambda: np.asarray(Peer(systems, **options).fit_score())


def main() -> None:
    made = parser(__doc__, peers="DSA")
    made.add_argument("--systems", type=int, default=10)
    made.add_argument("--procrustes", action="store_true")
    options = made.parse_args()
    torch.set_num_threads(1)
    systems = make_systems(options.systems)
    result: dict[str, Any] = {"systems": options.systems}
    for form, method in (("eigenvalues", "wasserstein"), ("procrustes", "angular"))[: 1 + options.procrustes]:
        contenders = {"neurodyn": make_ours(systems, comparison=form)}
        if options.peers:
            release, peer = (
                make_ours(systems, comparison=form, mode="release"),
                make_peer(options.peers, systems, method),
            )
            found, public = release(), peer()
            if form == "eigenvalues":
                result["largest_difference"] = float(np.abs(found - public).max() / public.max())
                assert result["largest_difference"] < 1e-3, result
            else:
                apart = ~np.eye(len(systems), dtype=bool)
                result["largest_excess_of_our_angle"] = float((found - public)[apart].max())
                result["mean_excess_of_public_angle"] = float((public - found)[apart].mean())
                assert result["largest_excess_of_our_angle"] < 1e-3, result
            contenders = {
                f"DSA, {method}": peer,
                f"neurodyn, {form}, release": release,
                f"neurodyn, {form}": contenders["neurodyn"],
            }
        result[form] = interleaved(contenders, options.rounds)
    report(result, options.json)


if __name__ == "__main__":
    main()
