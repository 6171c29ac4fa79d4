"""A report card of two subjects set by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.card import ReportCard, report_card
from neurodyn.data.trials import Trials

MEASURES = ("cross_subject_r", "cross_subject_r_unpaired", "cross_subject_r_raw", "effective_dimension")
TRIALS, BINS, LATENTS = 12, 10, 5


def model(noise: float, size: float = 1.0) -> Alignment:
    """Two subjects with 12 stimuli; a small `size` is a collapse onto one vector."""
    shown = np.random.default_rng(0).normal(size=(TRIALS, BINS, LATENTS))
    table = pd.DataFrame({"stimulus": [f"s{i}" for i in range(TRIALS)]})
    subjects = {}
    for k, name in enumerate(("monkey_a", "monkey_b")):
        rng = np.random.default_rng([k, 1])
        latents = np.arange(LATENTS) + size * (shown + noise * rng.normal(size=shown.shape))
        mask = np.arange(BINS) < rng.integers(6, BINS + 1, TRIALS)[:, None]
        trials = Trials.from_arrays(np.ones((TRIALS, BINS, 2)), bin_s=0.1, table=table, mask=mask, session=name)
        subjects[name] = AlignedSubject(name, trials, latents, np.full(latents.shape, 0.3), zero_shot=True)
    return Alignment(subjects)


def card(own: Alignment, drop: str = "") -> ReportCard:
    rows = {"model": own, "untrained": model(4.0), "shuffled_pairing": model(0.5, 1e-3)}
    rows.pop(drop, None)
    return ReportCard(report_card(rows, measures=MEASURES, draws=50), own)
