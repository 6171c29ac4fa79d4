"""Macaque motor cortex during reaches through mazes, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from neurodyn.data.datasets.mc_maze import MCMaze
from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Release


@dataclass(frozen=True)
class MCMazeMediumConfig(NLBConfig):
    """Which of its splits."""


class MCMazeMedium(NLBDataset):
    """Neural Latents Benchmark: macaque PMd and M1, delayed reaches through mazes, 27 conditions, 250 training trials (dandiset 000139)."""

    Config: ClassVar = MCMazeMediumConfig
    protocol: ClassVar = replace(
        MCMaze.protocol,
        dandiset="000139",
        version="0.220113.0408",
        session="medium",
        lag_ms=120,
        psth_sd_ms=50,
        release=Release(heldin=114, heldout=38, trials={"train": 188, "val": 62, "test": 100}),
    )
