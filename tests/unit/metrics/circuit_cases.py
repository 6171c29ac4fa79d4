"""A small driven linear system with known rates, latents and inputs, in trials of different length, and a model's guess of it."""

from __future__ import annotations

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.metrics.base import Evaluation

BINS, UNITS = 40, 12
SPLITS = (("train", 50), ("valid", 15), ("test", 25))


def circuit(
    seed: int = 0,
    *,
    latents: int = 5,
    noise: float = 0.05,
    inputs: int = 3,
    late: int = 0,
    ragged: bool = True,
    nothing_outside: bool = False,
) -> Evaluation:
    """Two latents driven by one input that comes in two channels of opposite sign; inferred latents and inputs are noisy linear images of the true ones.

    Args:
        seed: of everything drawn.
        latents, inputs: how many the model infers; 0 inputs for none.
        noise: standard deviation of what the model adds.
        late: bins by which the inferred inputs come too late.
        ragged: whether trials end at different bins.
        nothing_outside: NaN for everything inferred outside the mask.
    """
    generator = np.random.default_rng(seed)
    readout, image = generator.normal(size=(2, UNITS)) * 0.5, generator.normal(size=(2, latents))
    onto = generator.normal(size=(2, inputs))
    trials, inferred = {}, {}
    for split, n in SPLITS:
        drive = np.zeros((n, BINS + late))
        for t in range(1, BINS + late):
            drive[:, t] = 0.8 * drive[:, t - 1] + generator.normal(size=n)
        state = np.zeros((n, BINS, 2))
        for t in range(1, BINS):
            state[:, t, 0] = 0.95 * state[:, t - 1, 0] + 0.3 * drive[:, t + late] - 0.2 * state[:, t - 1, 1]
            state[:, t, 1] = 0.95 * state[:, t - 1, 1] + 0.2 * state[:, t - 1, 0]
        true = np.stack([drive[:, late:], -drive[:, late:]], 2)
        delayed = np.stack([drive[:, :BINS], -drive[:, :BINS]], 2)
        rates = np.exp(state @ readout * 0.4 - 1)
        mask = np.ones((n, BINS), bool)
        if ragged:
            mask &= np.arange(BINS) < generator.integers(BINS // 2, BINS + 1, size=(n, 1))
        guess = {
            "rates": rates * np.exp(noise * generator.normal(size=rates.shape)),
            "latents": state @ image + noise * generator.normal(size=(n, BINS, latents)),
        }
        if inputs:
            guess["inputs"] = delayed @ onto + noise * generator.normal(size=(n, BINS, inputs))
        if nothing_outside:
            guess = {name: np.where(mask[..., None], values, np.nan) for name, values in guess.items()}
        trials[split] = Trials.from_arrays(
            generator.poisson(rates),
            bin_s=0.01,
            mask=mask,
            truth={"rates": rates, "latents": state, "inputs": true},
        )
        inferred[split] = Inference(0.01, **{name: values.astype(np.float32) for name, values in guess.items()})
    return Evaluation(trials, inferred)


def rows(evaluation: Evaluation, split: str, what: str) -> tuple[np.ndarray, np.ndarray]:
    """Inferred and true values of the bins inside the mask of a split, or of all splits one after the other."""
    splits = [name for name, _ in SPLITS] if split == "all" else [split]
    pairs = [
        (
            getattr(evaluation.inferred[s], what)[evaluation.trials[s].mask].astype(float),
            evaluation.trials[s].truth[what][evaluation.trials[s].mask],
        )
        for s in splits
    ]
    return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
