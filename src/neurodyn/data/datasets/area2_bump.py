"""Macaque somatosensory area 2 during reaches and bumps of the arm, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Protocol, Release


@dataclass(frozen=True)
class Area2BumpConfig(NLBConfig):
    """Which of its splits."""


class Area2Bump(NLBDataset):
    """Neural Latents Benchmark: macaque somatosensory area 2, active reaches and passive bumps of the arm (dandiset 000127)."""

    Config: ClassVar = Area2BumpConfig
    protocol: ClassVar = Protocol(
        dandiset="000127",
        version="0.220113.0359",
        subject="Han",
        align="move_onset_time",
        window_ms=(-100, 500),
        evaluated_overlap=True,
        behaviour="hand_vel",
        behaviour_units="cm/s",
        lag_ms=-20,
        psth_conditions=("cond_dir", "ctr_hold_bump"),
        psth_sd_ms=40,
        decode_group="ctr_hold_bump",
        decode_groups=(0, 1),
        release=Release(heldin=49, heldout=16, trials={"train": 272, "val": 92, "test": 98}),
    )
