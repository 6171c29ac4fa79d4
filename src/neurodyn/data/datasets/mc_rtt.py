"""Macaque motor cortex during self-paced reaches to random targets, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Protocol, Release


@dataclass(frozen=True)
class MCRTTConfig(NLBConfig):
    """Which of its splits."""


class MCRTT(NLBDataset):
    """Neural Latents Benchmark: macaque M1, self-paced reaches to random targets, one continuous recording (dandiset 000129)."""

    Config: ClassVar = MCRTTConfig
    protocol: ClassVar = Protocol(
        dandiset="000129",
        version="0.241017.1444",
        subject="Indy",
        align="start_time",
        window_ms=(0, 600),
        overlap=True,
        evaluated_overlap=True,
        behaviour="finger_vel",
        behaviour_units="mm/s",
        lag_ms=140,
        release=Release(heldin=98, heldout=32, trials={"train": 810, "val": 270, "test": 272}),
    )
