"""Small synthetic subjects: oscillating latents with known truth, and an inference that is right up to some noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from alignment_card import card, model

from neurodyn.analysis.langevin import langevin_physics
from neurodyn.config import from_dict
from neurodyn.data.inference import Inference
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.dynamics.flow_field import PhasePortrait
from neurodyn.dynamics.physics import Physics
from neurodyn.metrics.base import Score
from neurodyn.models.langevin_flow import LangevinFlow, LangevinFlowConfig
from neurodyn.reporting.subject import Subject
from neurodyn.training.answers import Answer

BIN_S, BINS, UNITS, FORWARD = 0.02, 50, 24, 6
SIZES = {"train": 48, "valid": 12, "test": 24}


def build(name: str = "lfads", *, seed: int = 0, noise: float = 0.15, full: bool = True) -> Subject:
    """A subject with everything, or (`full=False`) with test rates and latents of real-looking data alone."""
    rng = np.random.default_rng(seed)
    loading = rng.normal(0, 0.5, (3, UNITS))
    base = np.log(rng.uniform(4, 30, UNITS) * BIN_S)
    mixing = rng.normal(size=(3, 6))
    readout = rng.normal(size=(3, 2))
    trials: dict[str, Trials] = {}
    inferred: dict[str, Inference] = {}
    baselines: dict[str, Inference] = {}
    time = np.linspace(0, 1, BINS)
    for split, n in SIZES.items():
        condition = np.arange(n) % 4
        phase = condition[:, None] * np.pi / 2 + rng.normal(0, 0.2, (n, 1)) + 0 * time
        grow = np.clip((time - 0.15) * 2.5, 0, 1)
        latents = np.stack(
            [grow * np.cos(phase + 5 * time), grow * np.sin(phase + 5 * time), grow * np.cos(2 * phase) * time], 2
        )
        latents = latents * rng.uniform(0.7, 1.3, (n, 1, 1))
        rates = np.exp(latents @ loading + base)
        trials[split] = Trials.from_arrays(
            rng.poisson(rates),
            bin_s=BIN_S,
            behaviour=(latents @ readout)[..., :] if full else None,
            conditions=np.array(["right", "up", "left", "down"])[condition] if full else None,
            heldin=np.sort(rng.permutation(UNITS)[:18]) if not trials else trials["train"].heldin,
            forward=FORWARD,
            truth={"rates": rates, "latents": latents, "inputs": np.gradient(latents[..., :1], axis=1)}
            if full
            else None,
            name="rotation",
        )
        wrong = latents + noise * np.cumsum(rng.normal(size=latents.shape), 1) / np.sqrt(BINS)
        inferred[split] = Inference(
            BIN_S,
            np.exp(wrong @ loading + base).astype(np.float32),
            (wrong @ mixing).astype(np.float32),
            np.gradient(wrong[..., :2], axis=1).astype(np.float32) if full else None,
        )
    test = trials["test"]
    counts = np.pad(test.counts.astype(float), ((0, 0), (3, 3), (0, 0)), mode="edge")
    smooth = sum(counts[:, i : i + BINS] for i in range(7)) / 7
    baselines["smoothing"] = Inference(BIN_S, smooth.astype(np.float32))
    if not full:
        return Subject(name, {"test": test}, {"test": inferred["test"]})
    return Subject(
        name,
        trials,
        inferred,
        baselines,
        scores(noise),
        history(),
        CONFIG,
        {"python": "3.12", "torch": "2.5"},
        [portrait()],
        physics(),
        answers=[
            Answer.of_table("twins", "rotation", "Beside <twins>", ["circuit"], [["J_S < 0.2"]], "None is found.")
        ],
    )


def portrait() -> PhasePortrait:
    """Two stable points with a saddle between them, dx/dt = x − x³, dy/dt = −y; no trial comes near the one on the left."""
    edge, time = np.linspace(-1.5, 1.5, 27), np.linspace(0, 1, 20)
    x, y = np.meshgrid(edge, edge)
    velocity = 0.1 * np.stack([x - x**3, -y], 2)
    points, kinds = np.array([[-1.0, 0], [0, 0], [1, 0]]), ("stable", "saddle", "stable")
    values = np.array([[0.9, 0.8], [1.1, 0.9], [0.9, 0.8]], complex)
    paths = np.stack([np.stack([time, s * (1 - time)], 1) for s in (-1, 1)])
    return PhasePortrait(
        "zero input", "rotation", ("state PC 1 (60%)", "state PC 2 (40%)"), BIN_S, edge, edge, velocity,
        np.linalg.norm(velocity, axis=2), paths, points, kinds, np.array([False, True, True]), values,
        np.array([[0.5, 0.9]]), points + 0.02, paths, points, kinds, values,
    )  # fmt: skip


def physics(**given: object) -> Physics:
    """Of a small untrained LangevinFlow, on trials of different length."""
    rng = np.random.default_rng(0)
    mask = np.ones((30, 16), bool)
    mask[:5, 9:] = False
    trials = Trials.from_arrays(rng.poisson(1.0, (30, 16, 6)) * mask[..., None], bin_s=0.02, mask=mask, forward=4)
    torch.manual_seed(0)
    settings = from_dict(LangevinFlowConfig, {"size": 8, "encoder": 5, "decoder_hidden": 6, **given}, "model")
    return langevin_physics(LangevinFlow(settings, DataSpec.of([trials])), trials, samples=2)


def scores(noise: float = 0.15) -> list[Score]:
    """One score that beats its baselines, one that ties, one that loses."""
    common: dict[str, Any] = {"n": SIZES["test"], "direction": "higher"}
    value = 0.31 - noise / 3
    baselines = {"mean_rate": 0.0, "smoothing": 0.17, "glm": 0.22, "untrained": -0.04, "shuffled": -0.9}
    gap = value - 0.22
    return [
        Score("co_bps", "Bits per spike of held-out units beyond their mean rates on the training trials.", value, (value - 0.03, value + 0.03), baselines=baselines, difference={"glm": (gap, gap - 0.02, gap + 0.02)}, ceiling=0.35, **common),
        Score("behaviour_r2", "R² of behaviour decoded by ridge regression, <i>mean</i> over channels.", 0.81, (0.75, 0.86), baselines={"smoothing": 0.8, "glm": 0.7}, difference={"smoothing": (0.01, -0.02, 0.04)}, **common),
        Score("rate_r2", "R² of inferred against true rates.", 0.6, (0.5, 0.65), baselines={"smoothing": 0.7}, difference={"smoothing": (-0.1, -0.15, -0.05)}, ceiling=1.0, **common),
    ]  # fmt: skip


def history(epochs: int = 60, *, best: int = 40) -> list[dict[str, Any]]:
    """Curves that settle; the validation score is best at epoch `best`."""
    rng = np.random.default_rng(1)
    rows = []
    for epoch in range(epochs):
        fall = np.exp(-epoch / 12)
        row: dict[str, Any] = {
            "epoch": epoch,
            "step": 10 * (epoch + 1),
            "cpu_s": 0.5 * (epoch + 1),
            "learning_rate": 4e-3 * 0.97**epoch,
        }
        for split, offset in (("train", 0.0), ("valid", 0.01)):
            row[f"{split}/total"] = 3000 * (fall + 0.5) + 10 * offset + rng.normal()
            row[f"{split}/counts_nll"] = 0.5 + 0.2 * fall + offset
            row[f"{split}/kl_initial_condition"] = 12 * (1 - fall) + 0.1
            row[f"{split}/kl_inputs"] = 5 * (1 - fall) + 0.1
        row["valid/score"] = 0.3 - 0.0001 * (epoch - best) ** 2
        rows.append(row)
    return rows


CONFIG: dict[str, Any] = {
    "model": "lfads",
    "model_config": {"generator_size": 100},
    "objective": "elbo",
    "rule": "bptt",
    "train": {"epochs": 60, "burn_in_epochs": 5},
    "seed": 3,
    "data": {"source": "two area.nwb", "options": {"bin_ms": 20}},
}


@pytest.fixture
def make_subject() -> Callable[..., Subject]:
    """Builds a subject; see `build`."""
    return build


@pytest.fixture(scope="session")
def subject() -> Subject:
    """A subject with everything."""
    return dataclasses.replace(build(), card=card(model(0.5)))


@pytest.fixture
def physics_of() -> Callable[..., Physics]:
    """`physics`, of another model."""
    return physics
