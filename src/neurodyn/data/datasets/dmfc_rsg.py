"""Macaque frontal cortex while an interval is reproduced, of the Neural Latents Benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.data.nlb.dataset import NLBConfig, NLBDataset
from neurodyn.data.nlb.protocol import Protocol, Release


@dataclass(frozen=True)
class DMFCRSGConfig(NLBConfig):
    """Which of its splits."""


class DMFCRSG(NLBDataset):
    """Neural Latents Benchmark: macaque dorsomedial frontal cortex, a sampled time interval is reproduced (dandiset 000130)."""

    Config: ClassVar = DMFCRSGConfig
    protocol: ClassVar = Protocol(
        dandiset="000130",
        version="0.220113.0407",
        subject="Haydn",
        align="go_time",
        window_ms=(-1500, 0),
        overlap=True,
        evaluated_overlap=True,
        trial_behaviour=("is_eye", "theta", "is_short", "ts", "tp"),
        outlier="is_outlier",
        psth_conditions=("is_eye", "theta", "is_short", "ts"),
        psth_sd_ms=70,
        interval=("set_time", "go_time"),
        duration="tp",
        interval_condition=("is_eye", "theta", "is_short"),
        jitter_ms=300,
        release=Release(heldin=40, heldout=14, trials={"test": 283}),
    )
