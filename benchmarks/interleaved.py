"""Contenders timed in turns on one thread: what another program takes of the machine falls on all of them alike."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def parser(description: str | None, *, peers: str) -> argparse.ArgumentParser:
    """A command line with `--peers`, `--rounds` and `--json`.

    Args:
        description: of the script.
        peers: the checkout that the folder of peers holds.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--peers", type=Path, help=f"folder with a checkout {peers}")
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--json", type=Path, help="append the result as one line")
    return made


def interleaved(contenders: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, dict[str, float]]:
    """Median CPU milliseconds of each contender, and the median over rounds of its ratio to the first; printed and returned.

    Every round runs each once, in rotating order, after one round that warms up; times are of the process CPU clock.
    """
    names = list(contenders)
    times: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(-1, rounds):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            start = time.process_time()
            contenders[name]()
            if round_ >= 0:
                times[name].append(time.process_time() - start)
    found = {}
    width = max(map(len, names))
    for name in names:
        ratio = statistics.median(theirs / first for theirs, first in zip(times[name], times[names[0]]))
        found[name] = {"cpu_ms": round(1e3 * statistics.median(times[name]), 1), "ratio": round(ratio, 3)}
        print(f"{name:{width}s} {found[name]['cpu_ms']:8.1f} ms   {ratio:5.2f} x the first")
    return found


def report(result: Mapping[str, Any], path: Path | None) -> None:
    """Prints the plain numbers of a result, and appends all of it to a file as one line of JSON."""
    print({name: value for name, value in result.items() if isinstance(value, str | float | int)})
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(result) + "\n")
