"""Macaque motor cortex during reaches through mazes, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from neurodyn.data.datasets.mc_maze import MCMaze
from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Release


@dataclass(frozen=True)
class MCMazeLargeConfig(NLBConfig):
    """Which of its splits."""


class MCMazeLarge(NLBDataset):
    """Neural Latents Benchmark: macaque PMd and M1, delayed reaches through mazes, 27 conditions, 500 training trials (dandiset 000138)."""

    Config: ClassVar = MCMazeLargeConfig
    protocol: ClassVar = replace(
        MCMaze.protocol,
        dandiset="000138",
        version="0.220113.0407",
        session="large",
        lag_ms=120,
        psth_sd_ms=50,
        release=Release(heldin=122, heldout=40, trials={"train": 375, "val": 125, "test": 100}),
    )
