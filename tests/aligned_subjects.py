"""Small subjects with behaviour and stimuli, and models of them, for the tests of what aligns subjects."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from neurodyn.config import from_dict
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.parts.pnba_config import PNBAConfig
from neurodyn.models.pnba import PNBA

TRIALS, BINS, CHANNELS, FRAME = 12, 10, 2, (8, 8)
FRONT_ENDS = ("index_convolution", "unit_read_in", "unit_set")
TINY: dict[str, Any] = {
    "channels": 2,
    "pooled_units": 16,
    "projector": 8,
    "encoder": 4,
    "decoder": 4,
    "multipliers": (1, 2),
    "frame": FRAME,
    "video_features": (4,),
    "video_encoder_blocks": (1,),
    "video_decoder_blocks": (1,),
    "series_features": 8,
    "replicas": 2,
}
"""Fields of the published network's config, as small as they may be."""


def subject(
    session: str = "a",
    trials: int = TRIALS,
    units: int = 9,
    *,
    seed: int = 0,
    ragged: bool = False,
    fluorescence: bool = False,
    behaviour: bool = True,
    video: bool = False,
    **more: Any,
) -> Trials:
    """Units that follow two latents, behaviour and a video that show them; `x_um` is the place of each unit."""
    draw = np.random.default_rng(seed)
    z = np.cumsum(draw.normal(size=(trials, BINS, CHANNELS)), 1) / 2
    place = np.linspace(0, 1, units)
    weights = np.stack([np.cos(2 * np.pi * place), np.sin(2 * np.pi * place)])
    rates = np.logaddexp(0, z @ weights)
    given: dict[str, Any] = {"unit_table": pd.DataFrame({"x_um": place})}
    if fluorescence:
        given["fluorescence"] = 0.01 * (rates + 0.1 * draw.normal(size=rates.shape))
    else:
        given["counts"] = draw.poisson(rates)
    if behaviour:
        given["behaviour"] = {"hand": 3 + np.tanh(z), "speed": np.abs(z[..., :1])}
    if video:
        bars = draw.random((CHANNELS, *FRAME))
        given["stimulus"] = {"video": 1 / (1 + np.exp(-np.einsum("ktc,chw->kthw", z, bars)))}
    if ragged:
        lengths = draw.integers(BINS // 2, BINS + 1, trials)
        given["mask"] = np.arange(BINS) < lengths[:, None]
    return Trials.from_arrays(**{**given, **more}, bin_s=0.02, session=session)


def built(sessions: Trials | Sequence[Trials], seed: int = 0, **config: Any) -> PNBA:
    """A model that has met the sessions, as it is before its first training step, in evaluation mode."""
    several = [sessions] if isinstance(sessions, Trials) else list(sessions)
    torch.manual_seed(seed)
    model = PNBA(from_dict(PNBAConfig, config, "model"), DataSpec.of(several))
    model.prepare(several)
    return model.eval()


def front_end(name: str) -> dict[str, Any]:
    """A front end's options, such that it tells the units of `subject` apart."""
    return {"name": name, "columns": ("x_um",)} if name == "unit_set" else {"name": name}


def with_values(trials: Trials, signal: str, values: np.ndarray) -> Trials:
    """The trials with other values of a signal."""
    changed = dataclasses.replace(trials.signals[signal], values=values)
    return dataclasses.replace(trials, signals={**trials.signals, signal: changed})


def without(trials: Trials, *names: str) -> Trials:
    """The trials without some signals."""
    return dataclasses.replace(trials, signals={n: s for n, s in trials.signals.items() if n not in names})


def padded(trials: Trials, before: int, after: int) -> Trials:
    """The same trials with bins before and after that hold nonsense and are masked out."""

    def pad(values: np.ndarray, fill: Any) -> np.ndarray:
        width = [(0, 0), (before, after)] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, width, constant_values=fill)

    signals = {n: dataclasses.replace(s, values=pad(s.values, 7)) for n, s in trials.signals.items()}
    return dataclasses.replace(trials, signals=signals, mask=pad(trials.mask, False))
