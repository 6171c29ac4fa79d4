"""Macaque motor cortex during reaches through mazes, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from neurodyn.data.datasets.mc_maze import MCMaze
from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Release


@dataclass(frozen=True)
class MCMazeSmallConfig(NLBConfig):
    """Which of its splits."""


class MCMazeSmall(NLBDataset):
    """Neural Latents Benchmark: macaque PMd and M1, delayed reaches through mazes, 27 conditions, 100 training trials (dandiset 000140)."""

    Config: ClassVar = MCMazeSmallConfig
    protocol: ClassVar = replace(
        MCMaze.protocol,
        dandiset="000140",
        version="0.220113.0408",
        session="small",
        lag_ms=120,
        psth_sd_ms=50,
        release=Release(heldin=107, heldout=35, trials={"train": 75, "val": 25, "test": 100}),
    )
