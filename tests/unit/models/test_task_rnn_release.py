"""The released network, update by update: as the public release stores it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import neurodyn
from neurodyn.data.trials import Trials
from neurodyn.errors import MissingData

STORED = json.loads((Path(__file__).parents[2] / "golden" / "task_rnn_release.json").read_text())["checkpoints"]
RELEASED = {
    "learning_rate": 3e-4,
    "schedule": "constant",
    "gradient_clip": 1e9,
    "batch_size": 100,
    "patience": 100,
    "warmup_epochs": 0,
    "select": "last",
}


@pytest.fixture(scope="module")
def trials() -> Trials:
    try:
        found = neurodyn.load("reach", trials=100, valid=5, test=5, draws="released")
    except MissingData as missing:
        pytest.skip(str(missing))
    assert isinstance(found, Trials)
    return found


def kept(trials: Trials, folder: Path, rule: str, updates: tuple[int, ...]) -> dict[int, Mapping[str, Tensor]]:
    neurodyn.fit(
        "task_rnn",
        trials,
        rule=rule,
        seed=1,
        out=folder,
        mode="release",
        released_seed=1,
        objective={"activity_penalty": 10.0, "schedule": "annealed"},
        train={**RELEASED, "epochs": max(updates), "checkpoint_steps": updates},
        progress=False,
    )
    return {update: load_file(folder / "checkpoints" / f"step_{update:08d}.safetensors") for update in updates}


def check(weights: Mapping[str, Tensor], stored: Mapping[str, Mapping[str, object]]) -> None:
    for name, expected in stored.items():
        values = weights[name].double()
        torch.testing.assert_close(
            values.flatten()[:4], torch.tensor(expected["first"], dtype=torch.float64), rtol=0, atol=2e-6
        )
        assert float(values.sum()) == pytest.approx(expected["sum"], abs=2e-5 * values.numel() ** 0.5), name
        assert float(values.abs().sum()) == pytest.approx(expected["absolute"], rel=1e-5, abs=2e-6), name


@pytest.mark.parametrize("rule", ["bptt", "eprop"])
def test_weights_of_the_first_updates_are_those_that_were_stored(trials: Trials, tmp_path: Path, rule: str) -> None:
    for update, weights in kept(trials, tmp_path / rule, rule, (0, 1, 2, 5)).items():
        check(weights, STORED[f"{rule}/{update}"])


@pytest.mark.slow
def test_eprop_stays_with_the_stored_weights_for_25_updates(trials: Trials, tmp_path: Path) -> None:
    check(kept(trials, tmp_path / "eprop", "eprop", (25,))[25], STORED["eprop/25"])
