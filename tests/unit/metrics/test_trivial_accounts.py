"""What no model is needed for scores as tabulated for the two-area study: 1000 trials, published definitions."""

from __future__ import annotations

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.data.inference import Inference
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.published_input_r2_forward import PublishedInputR2Forward
from neurodyn.metrics.published_latent_r2_forward import PublishedLatentR2Forward
from neurodyn.metrics.published_rate_r2 import PublishedRateR2

TABLE = {
    "rec": {
        "rates": {"true_latents": 0.990, "smoothed_spikes": 0.916},
        "latents": {"smoothed_spikes": 0.935},
        "inputs": {
            "true_latents": 0.964,
            "true_rates": 0.970,
            "true_latents_quadratic": 0.974,
            "smoothed_spikes": 0.924,
        },
    },
    "recnf": {
        "rates": {"true_latents": 0.977, "smoothed_spikes": 0.925},
        "latents": {"smoothed_spikes": 0.942},
        "inputs": {
            "true_latents": 0.147,
            "true_rates": 0.530,
            "true_latents_quadratic": 0.594,
            "smoothed_spikes": 0.138,
        },
    },
}
METRICS = {"rates": PublishedRateR2(), "latents": PublishedLatentR2Forward(), "inputs": PublishedInputR2Forward()}
WIDER = {("recnf", "true_rates"): 0.01}
"""30 rates made of 2 latents are nearly collinear, and how much their last directions add to the fit depends on the arithmetic."""


@pytest.mark.slow
@pytest.mark.parametrize("variant", list(TABLE))
def test_trivial_accounts_of_the_two_area_circuit(variant: str) -> None:
    trials = nd.load(
        "two_area", variant=variant, trials=1000, randomness="legacy", heldout=0.0, forward=0, split=(8, 1, 1)
    )
    parts = {split: trials.part(split) for split in ("train", "valid", "test")}
    nothing = {s: np.zeros((len(t), t.bins, 1), np.float32) for s, t in parts.items()}
    blank = Evaluation(parts, {s: Inference(t.bin_s, nothing[s], nothing[s], nothing[s]) for s, t in parts.items()})
    for what, expected in TABLE[variant].items():
        found = METRICS[what].simpler(blank)
        for name, value in expected.items():
            assert found[name].value == pytest.approx(value, abs=WIDER.get((variant, name), 0.003)), (what, name)
        assert found["shuffled"].value < 0.01
