"""Macaque motor cortex during reaches through mazes, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Protocol, Release


@dataclass(frozen=True)
class MCMazeConfig(NLBConfig):
    """Which of its splits."""


class MCMaze(NLBDataset):
    """Neural Latents Benchmark: macaque PMd and M1, delayed reaches through mazes, 108 conditions (dandiset 000128)."""

    Config: ClassVar = MCMazeConfig
    protocol: ClassVar = Protocol(
        dandiset="000128",
        version="0.220113.0400",
        subject="Jenkins",
        session="full",
        align="move_onset_time",
        window_ms=(-250, 450),
        behaviour="hand_vel",
        behaviour_units="mm/s",
        lag_ms=100,
        psth_conditions=("trial_type", "trial_version"),
        psth_sd_ms=70,
        release=Release(heldin=137, heldout=45, trials={"train": 1721, "val": 574, "test": 574}),
    )
