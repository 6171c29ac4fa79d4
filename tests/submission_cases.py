"""Random targets and submissions of every group of the benchmark, small and seeded."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.submission.layout import GROUPS

TRAIN_TRIALS, EVAL_TRIALS, HELDIN, HELDOUT = 14, 12, 5, 3
CONDITIONS = 4


def random_groups(seed: int = 0) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, np.ndarray]]]:
    """Targets and submitted rates (float64) of all groups, with each dataset's own kind of targets.

    mc_rtt has no PSTH; area2_bump two decoders, and one trial of none; dmfc_rsg one behaviour row a trial, targets known in part, jitter and an outlier.
    Velocity is missing in a few bins, a condition has no evaluated trial, another's PSTH is known in part, mc_maze has no forward rates, one rate is 0.
    """
    rng = np.random.default_rng(seed)
    targets, submission = {}, {}
    for name, (dataset, bin_ms) in GROUPS.items():
        observed, forward = (24, 8) if bin_ms == 5 else (12, 4)
        shapes = {
            "train_rates_heldin": (TRAIN_TRIALS, observed, HELDIN),
            "train_rates_heldout": (TRAIN_TRIALS, observed, HELDOUT),
            "eval_rates_heldin": (EVAL_TRIALS, observed, HELDIN),
            "eval_rates_heldout": (EVAL_TRIALS, observed, HELDOUT),
            "eval_rates_heldin_forward": (EVAL_TRIALS, forward, HELDIN),
            "eval_rates_heldout_forward": (EVAL_TRIALS, forward, HELDOUT),
        }
        rates = {key: rng.gamma(2.0, bin_ms / 50, shape) for key, shape in shapes.items()}
        truth: dict[str, Any] = {
            key.replace("rates", "spikes"): rng.poisson(rates[key]).astype(float)
            for key in shapes
            if key[:5] != "train"
        }
        del truth["eval_spikes_heldin"]
        rates["eval_rates_heldout"][0, 0, 0] = 0.0
        truth |= _timing(rng, observed, truth) if dataset == "dmfc_rsg" else _velocity(rng, rates)
        if dataset != "mc_rtt":
            psth = rng.gamma(2.0, bin_ms / 50, (CONDITIONS, observed, HELDIN + HELDOUT))
            psth[1, :3] = np.nan
            rows = rng.permutation(EVAL_TRIALS)
            targets_of = [rows[:5], np.array([], int), rows[5:8], rows[8:]]
            truth |= {"psth": psth, "eval_cond_idx": targets_of, "train_cond_idx": targets_of}
            if dataset == "dmfc_rsg":
                psth[:, :4] = np.nan
        if dataset == "area2_bump":
            for part, trials in (("train", TRAIN_TRIALS), ("eval", EVAL_TRIALS)):
                side = np.arange(trials) % 2 == 0
                mask = np.stack([side, ~side], 1)
                mask[-1] = False
                truth[f"{part}_decode_mask"] = mask
        if dataset == "mc_maze":
            rates = {key: values for key, values in rates.items() if not key.endswith("forward")}
        targets[name], submission[name] = truth, rates
    return targets, submission


def _velocity(rng: np.random.Generator, rates: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    weights = rng.normal(size=(HELDIN + HELDOUT, 2))
    found = {}
    for part in ("train", "eval"):
        both = np.concatenate([rates[f"{part}_rates_heldin"], rates[f"{part}_rates_heldout"]], 2)
        velocity = both @ weights + rng.normal(0, 0.1, (*both.shape[:2], 2))
        velocity[1, -2:] = np.nan
        found[f"{part}_behavior"] = velocity
    return found


def _timing(rng: np.random.Generator, observed: int, truth: dict[str, Any]) -> dict[str, np.ndarray]:
    """Behaviour rows (is_eye, theta, is_short, ts, tp) of two conditions, jitter, and the targets outside the interval withheld."""
    found = {}
    for part, trials in (("train", TRAIN_TRIALS), ("eval", EVAL_TRIALS)):
        eye = (np.arange(trials) % 2).astype(float)
        interval = rng.uniform(500, 1100, trials)
        rows = np.stack([eye, 180 * eye, 1 - eye, np.full(trials, 800.0), interval], 1)
        rows[-1] = np.nan
        found[f"{part}_behavior"] = rows
        found[f"{part}_jitter"] = rng.integers(0, 4, trials)
    for trial, jitter in enumerate(found["eval_jitter"]):
        start = int(rng.integers(2, observed // 2))
        truth["eval_spikes_heldout"][trial, :start] = np.nan
        truth["eval_spikes_heldout"][trial, observed - jitter :] = np.nan
    return found
