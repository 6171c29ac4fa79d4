"""How long does preparing MC_Maze take, and how much memory?

python benchmarks/nlb_prepare.py [--bin-ms 5] [--json] [--peers DIR --peer-python PYTHON] [--rounds 5] [--seconds 300] [--units 182]

A session of MC_Maze's size (137 + 45 units at a few Hz, 2869 trials, 6950 s, behaviour at 1 kHz) is written as two NWB files; then a process of its
own reads them and makes the tensors of phase val, PSTHs included, as `nd.load("mc_maze")` does the first time. Wall and CPU seconds and the peak of its
resident memory are printed; 2 GB is the limit. The whole NWB is written by another process, whose memory is not counted.

With --peers the benchmark's own re-binning (DIR/nlb_tools, run by PYTHON, which needs pandas below 2 and pynwb) of a session of --seconds by --units
from 1 ms to 5 ms is timed beside ours from spike times and samples: one warm process each, tested equal first, then interleaved rounds, CPU clock, one
thread, median of the rounds' ratios. The reference starts from its 1 ms table, whose making is not timed; ours starts from the spike times.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIMIT_GB = 2.0
NARROW_MS = 5
"""Bin width of the comparison with the reference."""


def write(folder: str) -> dict[str, Any]:
    """The two NWB files; what is in them."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    import synthetic_nwb

    train, test = synthetic_nwb.make("mc_maze", scale="real")
    place = Path(folder) / synthetic_nwb.KINDS["mc_maze"].dandiset / "sub-Jenkins"
    stem = synthetic_nwb.KINDS["mc_maze"].stem
    synthetic_nwb.write(train, place / f"{stem}train_behavior+ecephys.nwb")
    synthetic_nwb.write(test, place / f"{stem}test_ecephys.nwb")
    return {
        "units": len(train.spike_times),
        "trials": len(train.trials["split"]) + len(test.trials["split"]),
        "seconds": float(train.observed[0][-1, 1] + test.observed[0][-1, 1]),
        "spikes": sum(map(len, train.spike_times)) + sum(map(len, test.spike_times)),
        "nwb_mb": sum(path.stat().st_size for path in place.iterdir()) / 2**20,
    }


def prepare(folder: str, bin_ms: int) -> dict[str, Any]:
    """What this process takes from its start to the tensors."""
    os.environ["NEURODYN_DATA"], os.environ["NEURODYN_CACHE"] = folder, f"{folder}/cache"
    start = time.perf_counter()
    from neurodyn.data.datasets.mc_maze import MCMaze

    tensors = MCMaze.with_options(bin_s=bin_ms / 1000, phase="val").tensors()
    wall_s = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert tensors.arrays["psth"].shape[::2] == (108, 182), tensors.arrays["psth"].shape
    return {
        "wall_s": wall_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_gb": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9,
        "train_spikes_heldin": list(tensors.arrays["train_spikes_heldin"].shape),
    }


def session(seconds: int, units: int) -> tuple[Any, Any]:
    """Spikes `(ms, unit)`, at most one a ms, and four random walks `(ms, 4)`; the same for both contenders."""
    import numpy as np

    generator = np.random.default_rng(0)
    spikes = generator.random((seconds * 1000, units), dtype=np.float32) < 0.005
    return spikes, np.cumsum(generator.standard_normal((seconds * 1000, 4)), 0)


def reference(seconds: int, units: int, nlb_tools: str) -> Any:
    """One call of the benchmark's own re-binning of its 1 ms table."""
    sys.path.insert(0, nlb_tools)
    import numpy as np
    import pandas as pd
    from nlb_tools.nwb_interface import NWBDataset

    spikes, moves = session(seconds, units)
    names = pd.MultiIndex.from_tuples([("spikes", u) for u in range(units)] + [("hand_pos", c) for c in "abcd"])
    clock = pd.timedelta_range(0, periods=len(spikes), freq="1ms")
    counts = pd.DataFrame(spikes.astype(np.float16), index=clock, columns=names[:units])
    table = pd.concat([counts, pd.DataFrame(moves, index=clock, columns=names[units:])], axis=1)

    def call() -> tuple[Any, Any]:
        dataset = NWBDataset.__new__(NWBDataset)
        dataset.data, dataset.bin_width = table, 1
        dataset.resample(NARROW_MS)
        return dataset.data["spikes"].to_numpy(), dataset.data["hand_pos"].to_numpy()

    return call


def ours(seconds: int, units: int) -> Any:
    """One call of ours over the whole session, from spike times and samples."""
    import numpy as np

    from neurodyn.data.nlb.behaviour import decimated
    from neurodyn.data.nlb.clock import count, spike_ms

    spikes, moves = session(seconds, units)
    times = [np.flatnonzero(spikes[:, unit]) / 1000 + 0.0004 for unit in range(units)]
    clock, first, bins = np.arange(len(moves)), np.zeros(1, np.int64), len(moves) // NARROW_MS

    def call() -> tuple[Any, Any]:
        counts = count([spike_ms(each) for each in times], first, bins, NARROW_MS)
        return counts[0], decimated(clock, moves, first, bins, NARROW_MS, len(moves))[0]

    return call


def worker(call: Any, out: str) -> None:
    """Saves what a call gives, then times one call for each line it is sent."""
    import numpy as np

    counts, moves = call()
    np.savez(out, counts=np.asarray(counts, np.float32), moves=np.asarray(moves, np.float64))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        call()
        print(time.process_time() - start, flush=True)


def compare(options: argparse.Namespace, folder: str) -> dict[str, float]:
    """Milliseconds of both, and the median ratio."""
    import numpy as np

    size = ["--seconds", str(options.seconds), "--units", str(options.units)]
    peer = [options.peer_python, __file__, *size, "--worker", f"{folder}/peer.npz", "--peers", options.peers]
    us = [sys.executable, __file__, *size, "--worker", f"{folder}/us.npz"]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for command in (peer, us)
    ]
    try:
        for process in started:
            assert process.stdout is not None and process.stdout.readline() == "ready\n", process.args
        theirs, mine = (np.load(f"{folder}/{name}.npz") for name in ("peer", "us"))
        assert np.array_equal(theirs["counts"], mine["counts"])
        difference = float(np.abs(theirs["moves"] - mine["moves"]).max() / np.abs(theirs["moves"]).max())
        assert difference < 1e-6, difference
        rounds = []
        for turn in range(options.rounds):
            taken = {}
            for process in started if turn % 2 else started[::-1]:
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write("go\n")
                process.stdin.flush()
                taken[process.pid] = float(process.stdout.readline())
            rounds.append([taken[process.pid] for process in started])
    finally:
        for process in started:
            process.kill()
            process.wait()
    return {
        "reference_ms": 1e3 * statistics.median(r for r, _ in rounds),
        "neurodyn_ms": 1e3 * statistics.median(o for _, o in rounds),
        "ratio": statistics.median(r / o for r, o in rounds),
        "smallest_ratio": min(r / o for r, o in rounds),
        "largest_ratio": max(r / o for r, o in rounds),
        "difference": difference,
        "rounds": options.rounds,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-ms", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peers", help="folder that holds nlb_tools")
    parser.add_argument("--peer-python", help="interpreter that can run it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--units", type=int, default=182)
    for step in ("--write", "--prepare", "--worker"):  # one process each
        parser.add_argument(step, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        print(json.dumps(write(options.write)))
    elif options.prepare:
        print(json.dumps(prepare(options.prepare, options.bin_ms)))
    elif options.worker:
        size = options.seconds, options.units
        worker(reference(*size, f"{options.peers}/nlb_tools") if options.peers else ours(*size), options.worker)
    else:
        # This process stays small: a child's peak counts what its parent held when it was started.
        with tempfile.TemporaryDirectory() as folder:
            found: dict[str, Any] = {}
            for step in ("--write", "--prepare"):
                command = [sys.executable, __file__, step, folder, "--bin-ms", str(options.bin_ms)]
                found |= json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            assert found["peak_gb"] < LIMIT_GB, found
            if options.peers:
                assert options.peer_python, "--peers needs --peer-python"
                found |= compare(options, folder)
        print(
            json.dumps(found)
            if options.json
            else "\n".join(f"{k}: {v:.4g}" if isinstance(v, float) else f"{k}: {v}" for k, v in found.items())
        )


if __name__ == "__main__":
    main()
