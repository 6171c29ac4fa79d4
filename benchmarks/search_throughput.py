"""How much faster do members train on worker processes than one after another in a single process?

python benchmarks/search_throughput.py [--members 8] [--workers 2] [--epochs 20] [--trials 200] [--rounds 3] [--json]

The same members (LFADS on `two_area`, the same seeds and values) are trained for the same epochs, in rounds that alternate between the two: wall clock, one
thread a process, from the first task to the last. Both are warm: what a search pays once (imports, loading the data) is paid in a first generation of one
epoch and reported beside. That the scores are equal is tested first. The ratio is the median over rounds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from neurodyn import api
from neurodyn.data.spec import DataSpec
from neurodyn.engines.base import Engine
from neurodyn.engines.local import Local
from neurodyn.engines.serial import Serial
from neurodyn.search.member import Leg, keep, train
from neurodyn.training.partition import Parts, origin, partition
from neurodyn.training.plan import Plan
from neurodyn.training.run import Run


def place(folder: Path, members: int, parts: Parts) -> list[Path]:
    """A run's folder for each member."""
    made = []
    for member in range(members):
        plan = Plan.of("lfads", train={"epochs": 10_000, "patience": 10_000, "schedule": "constant"}, seed=member)
        run = Run.create(folder / f"{member:03d}")
        run.begin({**plan.as_mapping(), "data": origin(parts), "spec": DataSpec.of(parts.train).as_mapping()})
        made.append(run.path)
    return made


def trained(engine: Engine, folders: list[Path], data: Path, until: int) -> tuple[float, list[float], float]:
    """Wall seconds to take every member to an epoch, their scores, and the CPU seconds of their training so far."""
    start = time.perf_counter()
    finished = sorted(engine.results(train, [Leg(folder, data, until) for folder in folders]), key=lambda f: f.index)
    seconds = time.perf_counter() - start
    return seconds, [each.value.score for each in finished], sum(each.value.cpu_s for each in finished)


def measure(members: int, workers: int, epochs: int, trials: int, rounds: int) -> dict[str, Any]:
    """Seconds of both and their ratio."""
    loaded = api.load("two_area", trials=trials)
    parts = partition(loaded, None, 0)
    with tempfile.TemporaryDirectory() as place_of_all, Serial() as serial, Local(workers) as local:
        root = Path(place_of_all)
        data = root / "data"
        data.mkdir()
        keep(parts, data)
        engines = {"in turn": serial, "workers": local}
        folders = {name: place(root / name, members, parts) for name in engines}
        once = {name: trained(engine, folders[name], data, 1) for name, engine in engines.items()}
        assert once["in turn"][1] == once["workers"][1], "the two do not do the same work"
        seconds: dict[str, list[float]] = {name: [] for name in engines}
        cpu: dict[str, float] = {}
        for number in range(rounds):
            order = list(engines) if number % 2 == 0 else list(engines)[::-1]
            for name in order:
                wall, _, cpu[name] = trained(engines[name], folders[name], data, 1 + (number + 1) * epochs)
                seconds[name].append(wall)
    ratios = [a / b for a, b in zip(seconds["in turn"], seconds["workers"])]
    return {
        "members": members,
        "workers": workers,
        "epochs": epochs,
        "first_generation_s": {name: round(value[0], 2) for name, value in once.items()},
        "seconds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
        "training_cpu_s": {name: round(value, 2) for name, value in cpu.items()},
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio": round(statistics.median(ratios), 3),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("members", 8), ("workers", 2), ("epochs", 20), ("trials", 200), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.members, options.workers, options.epochs, options.trials, options.rounds)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, values in found["seconds"].items():
        print(
            f"{name:8} {statistics.median(values):7.2f} s a generation ({found['first_generation_s'][name]} s the first)"
        )
    print(f"CPU seconds of training, all rounds: {found['training_cpu_s']}")
    print(f"workers are {found['ratio']} times as fast (rounds: {found['ratios']}; load average {found['load']})")


if __name__ == "__main__":
    main()
