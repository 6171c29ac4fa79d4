"""Check this machine: versions, device, threads, data folders, and a fit of a few seconds.

usage: neurodyn doctor [--build-kernels] [--json]
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from neurodyn import __version__
from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range

_PACKAGES = (
    "torch",
    "pytorch-lightning",
    "numpy",
    "scipy",
    "scikit-learn",
    "h5py",
    "pynwb",
    "pandas",
    "plotly",
    "tyro",
)


@dataclass(frozen=True)
class Options:
    """Check this machine: versions, device, threads, data folders, and a fit of a few seconds."""

    seconds: float = 5.0
    """CPU seconds of the trial fit; 0 leaves it out."""
    build_kernels: Flag = False
    """First compile LFADS' loops for this machine, once: training takes about two thirds of the time, results are equal to rounding. Needs a C++ compiler."""
    json: Flag = False
    """One JSON object on stdout."""

    def __post_init__(self) -> None:
        check_range("seconds", self.seconds, 0)


def run(arguments: Sequence[str]) -> None:
    """Prints what was found; ends with the trial fit's score."""
    options = parse(Options, arguments, "neurodyn doctor")
    from neurodyn.cli._console import console, print_json, working

    if options.build_kernels:
        from neurodyn.models.parts.kernels import build

        with working("Compiling kernels ..."):
            build()
    found = {"versions": _versions(), "device": _device(), "data": _data_folders()}
    if options.seconds > 0:
        with working(f"Fitting a small model for {options.seconds:g} s ..."):
            found["fit"] = _trial_fit(options.seconds)
    if options.json:
        print_json(found)
        return
    out = console()
    for group, values in found.items():
        out.print(f"[bold]{group}[/bold]")
        wide = max(20, *map(len, values))
        for name, value in values.items():
            out.print(f"  {name:<{wide}} {value}", highlight=False, soft_wrap=True)
    out.print("All is well." if options.seconds > 0 else "No trial fit was asked for.")


def _versions() -> dict[str, str]:
    found = {"neurodyn": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _device() -> dict[str, Any]:
    import torch

    from neurodyn.models.parts.kernels import kernels

    compiled = kernels(torch.device("cpu"), torch.float32) is not None
    gpu = torch.cuda.is_available()
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(0) if gpu else "none",
        "trains on": "cuda" if gpu else "cpu",
        "kernels": "used" if compiled else "none (neurodyn doctor --build-kernels)",
    }


def _data_folders() -> dict[str, str]:
    from neurodyn.data.datasets.base import data_folders

    return {str(folder): "found" if Path(folder).is_dir() else "absent" for folder in data_folders()}


def _trial_fit(seconds: float) -> dict[str, Any]:
    from neurodyn import api

    trials = api.load("two_area", trials=60)
    fitted = api.fit("lfads", trials, train={"max_cpu_s": seconds}, progress=False).fitted_
    return {
        "epochs": fitted.epochs,
        "cpu seconds": round(fitted.cpu_s, 1),
        "validation score": round(fitted.best_score, 4),
    }
