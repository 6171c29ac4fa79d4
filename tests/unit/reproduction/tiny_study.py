"""A study of seconds on simulated data, shared by the tests here and at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

DATA = {"source": "lorenz", "options": {"trials": 35, "units": 8, "bins": 20, "forward": 5}}
SIZES = {"data": "lorenz", "bin_ms": 20, "units": 8, "train_trials": 25, "test_trials": 10}
SOURCE = {"paper": {"citation": "A paper, table 1", "url": "https://doi.org/10.0/none"}}
LFADS: dict[str, Any] = {
    "model": "lfads",
    "data": DATA,
    "model_config": {"generator": 4, "factors": 2, "initial_condition": 4, "inferred_inputs": 0},
    "train": {"epochs": 3, "warmup_epochs": 0},
    "quick": {"train": {"epochs": 2}, "trials": 4},
}
SMOOTHING: dict[str, Any] = {"model": "smoothing", "data": DATA, "model_config": {"widths": [2.0], "strengths": [1.0]}}


def value(number: float, tolerance: float, **more: Any) -> dict[str, Any]:
    return {"value": number, "tolerance": tolerance, "source": "paper", "setting": "same", **more}


NOTHING = {"value": None, "reason": "not reported"}


def expected() -> dict[str, Any]:
    """Published values that our smoothing meets, and that no LFADS does."""
    arms = {
        "smoothing": {"co_bps": value(0.5, 5.0), "fp_bps": NOTHING},
        "lfads": {"co_bps": value(9.0, 0.1), "rate_r2": NOTHING},
    }
    return {"sources": SOURCE, "settings": {"same": SIZES}, "arms": arms}


def write(folder: Path, *, lfads: dict[str, Any] = LFADS, published: Any = None) -> Path:
    """Writes the study `tiny/lorenz` below a folder of recipes, which is returned."""
    below = folder / "tiny" / "lorenz"
    below.mkdir(parents=True, exist_ok=True)
    (below / "smoothing.yaml").write_text(yaml.safe_dump(SMOOTHING))
    (below / "lfads.yaml").write_text(yaml.safe_dump(lfads))
    (below / "expected.json").write_text(json.dumps(expected() if published is None else published))
    return folder
