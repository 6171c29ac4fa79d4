"""Alignments set by hand: latents of several subjects that share what was shown, as exactly as asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.data.trials import Trials

BINS, LATENTS = 20, 6


def smooth(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Smooth noise of unit variance over the second axis."""
    values = gaussian_filter1d(rng.normal(size=shape), 1.5, 1, mode="wrap")
    return values / values.std()


def trials_of(
    rng: np.random.Generator, behaviour: np.ndarray, name: str, labels: Sequence[Any], column: str, mask: Any = None
) -> Trials:
    """Trials with 5 units that count, a behaviour `hand` and labels in one column."""
    counts = rng.poisson(2.0, (*behaviour.shape[:2], 5))
    table = pd.DataFrame({column: labels})
    return Trials.from_arrays(counts, bin_s=0.02, behaviour={"hand": behaviour}, table=table, mask=mask, session=name)


def aligned(
    noise: float = 0.5,
    stimuli: int = 24,
    *,
    seed: int = 0,
    names: Sequence[str] = ("b", "c"),
    training: Sequence[str] = ("a",),
    column: str = "stimulus",
    repeats: int = 1,
    variance: float | None = 0.1,
    lengths: bool = False,
    zero_shot: bool = True,
    beside: bool = True,
) -> Alignment:
    """Subjects that see the same stimuli: their latents are the stimulus' trajectory plus noise; training subjects saw others."""
    rng = np.random.default_rng(seed)
    shown = smooth(rng, stimuli, BINS, LATENTS)
    readout = rng.normal(size=(LATENTS, 2))

    def subject(name: str, z: np.ndarray, labels: np.ndarray, novel: bool) -> AlignedSubject:
        order = rng.permutation(len(labels))
        truth, own = z[order], labels[order]
        latents = truth + noise * smooth(rng, *truth.shape)
        mask = np.ones(truth.shape[:2], bool)
        if lengths:
            mask = np.arange(BINS) < rng.integers(BINS // 2, BINS + 1, len(truth))[:, None]
        hand = truth @ readout + 0.05 * rng.normal(size=(*truth.shape[:2], 2)) + 3.0
        return AlignedSubject(
            name,
            trials_of(rng, hand, name, own, column, mask),
            np.where(mask[..., None], latents, np.nan),
            None if variance is None else np.full(latents.shape, variance),
            {"behaviour": truth + 0.1 * noise * smooth(rng, *truth.shape)} if beside else {},
            {"hand": latents @ readout + 3.0},
            novel,
        )

    repeated = np.tile(np.arange(stimuli), repeats)
    subjects = {
        name: subject(name, shown[repeated], np.array([f"video {i}" for i in repeated], dtype=object), zero_shot)
        for name in names
    }
    others = np.array([f"train {i}" for i in range(stimuli)], dtype=object)
    taught = {name: subject(name, smooth(rng, stimuli, BINS, LATENTS), others, False) for name in training}
    return Alignment(subjects, taught)


def collapsed(alignment: Alignment, size: float = 1e-3) -> Alignment:
    """The same trials, but every trial's latents are one vector up to next to nothing: what a model without generation ends as."""

    def flat(s: AlignedSubject) -> AlignedSubject:
        offset = np.linspace(-2, 2, LATENTS)
        return AlignedSubject(
            s.name,
            s.trials,
            np.where(s.mask[..., None], offset + size * s.latents, np.nan),
            np.full(s.latents.shape, 0.5),
            {name: offset + size * values for name, values in s.beside.items()},
            {"hand": np.full((*s.mask.shape, 2), 3.0)},
            s.zero_shot,
        )

    return Alignment(
        {n: flat(s) for n, s in alignment.subjects.items()}, {n: flat(s) for n, s in alignment.training.items()}
    )
