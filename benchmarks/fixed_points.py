"""Fixed points from 1000 starts: all starts at once against one at a time, on the PFC circuit and on a GRU generator of 64 units.

    python benchmarks/fixed_points.py [--rounds 5] [--starts 1000] [--units 64] [--alone] [--adam] [--json FILE]

Contenders: ours; scipy.optimize.root from each start (with the exact Jacobian); and, with `--adam`, the published way (Golub & Sussillo 2018, 10.21105/joss.01003): Adam on all starts at once, in
float64, without polishing, which takes minutes. Equality is tested first: whatever one contender finds, to 1e-6 in the state, the others must have found, except for points that fewer than
five of a thousand starts reached. Contenders then run in interleaved rounds, in rotating order, on one thread, by the process CPU clock; the ratio is the median over rounds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from interleaved import interleaved, parser, report
from scipy.optimize import root

from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.dynamics.fixed_points import find_fixed_points
from neurodyn.models.generators.gru import GRU, GRUConfig
from neurodyn.simulate.two_area import single_area

_SAME = 1e-6


def circuit_case(starts: int) -> tuple[DiscreteMap, np.ndarray, Callable[..., Any] | None]:
    pfc = single_area(0.4182)
    states = np.random.default_rng(0).uniform(0, 0.7, (starts, 2))
    return DiscreteMap.of_flow(pfc.drift, pfc.jacobian, 0.01), states, None


def gru_case(starts: int, units: int) -> tuple[DiscreteMap, np.ndarray, Callable[..., Any]]:
    """A generator with recurrent weights strong enough for several points; starts are states it visits."""
    torch.manual_seed(0)
    generator = GRU(GRUConfig(), 1, units, 5.0).double().eval().requires_grad_(False)
    for weights in generator.parameters():
        if weights.ndim == 2 and units in weights.shape:
            weights.mul_(2.2)
    none = torch.zeros(starts, 1, dtype=torch.float64)

    def step(state: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        return generator(inputs, state)

    state = torch.randn(starts, units, dtype=torch.float64) * 0.5
    for _ in range(30):
        state = step(state, none)
    return DiscreteMap.of_tensors(step), state.numpy(), step


def ours(dynamics: DiscreteMap, starts: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = find_fixed_points(dynamics, starts, inputs)
    return found.points, found.reached


def one_by_one(dynamics: DiscreteMap, starts: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """scipy.optimize.root from each start; what converged within ten radii of the starts, de-duplicated."""
    same = np.eye(starts.shape[1])
    ended = []
    for start in starts:
        solved = root(
            lambda x: dynamics.step(x[None], inputs)[0] - x,
            start,
            jac=lambda x: dynamics.jacobian(x[None], inputs)[0] - same,
            tol=1e-12,
        )
        if solved.success:
            ended.append(solved.x)
    return distinct(np.array(ended).reshape(-1, starts.shape[1]), starts)


def by_adam(step: Callable[..., Any], starts: np.ndarray, steps: int = 5000) -> tuple[np.ndarray, np.ndarray]:
    """Adam on the mean speed of all starts, with a learning rate that falls; q < 1e-12 counts."""
    state = torch.from_numpy(starts.copy()).requires_grad_()
    none = torch.zeros(len(starts), 1, dtype=torch.float64)
    optimiser = torch.optim.Adam([state], lr=0.1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.95, patience=5)
    for _ in range(steps):
        optimiser.zero_grad()
        speed = 0.5 * (step(state, none) - state).square().sum(1)
        speed.mean().backward()
        optimiser.step()
        schedule.step(float(speed.detach().mean()))
        if float(speed.detach().max()) < 1e-12:
            break
    return distinct(state.detach().numpy()[speed.detach().numpy() < 1e-12], starts, 1e-3)


def distinct(points: np.ndarray, starts: np.ndarray, within: float = 1e-5) -> tuple[np.ndarray, np.ndarray]:
    centre = starts.mean(0)
    radius = np.linalg.norm(starts - centre, axis=1).mean()
    points = points[np.linalg.norm(points - centre, axis=1) < 10 * radius]
    kept: list[np.ndarray] = []
    reached: list[int] = []
    while len(points):
        same = np.abs(points - points[0]).max(1) < within
        kept.append(points[0])
        reached.append(int(same.sum()))
        points = points[~same]
    return np.array(kept).reshape(-1, starts.shape[1]), np.array(reached, int)


def missed(by: np.ndarray, found: tuple[np.ndarray, np.ndarray], starts: int, within: float) -> int:
    """Points that at least 5 of 1000 starts reached which `by` lacks."""
    often = found[0][found[1] * 1000 >= 5 * starts]
    if not len(often):
        return 0
    if not len(by):
        return len(often)
    return int((np.abs(often[:, None] - by[None]).max(2).min(1) > within).sum())


def main() -> None:
    made = parser(__doc__, peers="nothing")
    made.add_argument("--starts", type=int, default=1000)
    made.add_argument("--units", type=int, default=64)
    made.add_argument("--alone", action="store_true", help="ours alone: nothing is compared")
    made.add_argument("--adam", action="store_true")
    options = made.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {"starts": options.starts}
    for name, (dynamics, starts, step) in (
        ("circuit", circuit_case(options.starts)),
        ("gru", gru_case(options.starts, options.units)),
    ):
        inputs = np.zeros((1, 2 if step is None else 1))
        runs: dict[str, Callable[[], Any]] = {
            f"{name}: neurodyn, all at once": partial(ours, dynamics, starts, inputs),
            f"{name}: scipy.optimize.root, one by one": partial(one_by_one, dynamics, starts, inputs),
        }
        if options.alone:
            runs = dict(list(runs.items())[:1])
        if options.adam and step is not None:
            runs[f"{name}: Adam, as published"] = partial(by_adam, step, starts)
        found = {key: run() for key, run in runs.items()}
        first = next(iter(found.values()))
        result[f"{name}_points"] = len(first[0])
        result[f"{name}_largest_speed"] = float(
            np.abs(dynamics.step(first[0], np.tile(inputs, (len(first[0]), 1))) - first[0]).max(initial=0)
        )
        for key, each in found.items():
            within = 1e-3 if "Adam" in key else _SAME
            result[f"{key}: points"] = len(each[0])
            lacking = missed(first[0], each, options.starts, within), missed(each[0], first, options.starts, within)
            result[f"{key}: ours lacks, it lacks"] = str(lacking)
            assert lacking[0] == 0, result
        result[name] = interleaved(runs, options.rounds)
    report(result, options.json)


if __name__ == "__main__":
    main()
