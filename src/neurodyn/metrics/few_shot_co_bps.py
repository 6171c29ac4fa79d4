"""Few-shot co-smoothing: how much of a latent space a few trials are enough to read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.metrics._bits_per_spike import FLOOR, bits_per_spike
from neurodyn.metrics.base import Evaluation, Measurement, Metric, Split
from neurodyn.metrics.co_bps import has_heldout, known_heldout
from neurodyn.regression.poisson import Rows, poisson_path
from neurodyn.shapes import Array, Bool, Float, Shaped

SHOTS = (8, 32, 128)
REPEATS = 20
PENALTY = 10.0
"""Ridge, relative to the variance of the latents' leading principal component: a prior of standard deviation 0.3 on the change of a log rate over one
standard deviation of the leading latent, about the information in ten spikes. Weaker ones let eight trials of a sparse recording overfit without bound,
stronger ones hold back what eight trials can tell."""
_LARGEST_LOG_RATE = 15.0


class FewShotCoBPS(Metric):
    """Bits per spike of held-out units read from the frozen latents by a regression on few training trials (arXiv 2405.14425)."""

    definition = (
        "Bits per spike of held-out units over the test trials' observed bins, as for co_bps, of a Poisson regression (small ridge) from the model's latents "
        "of the same bin, fitted on 8 random training trials; mean over 20 draws of the trials."
    )
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        train = evaluation.trials.get("train")
        return (
            has_heldout(evaluation)
            and train is not None
            and "train" in evaluation.inferred
            and len(train) >= min(SHOTS)
            and bool(known_heldout(train).any())
        )

    def measure(self, evaluation: Evaluation) -> Measurement:
        train, test = evaluation.trials["train"], evaluation.trials["test"]
        seen, out = test.observed_bins, test.heldout
        latents = all(evaluation.inferred[split].latents is not None for split in ("train", "test"))
        found = few_shot_co_bps(
            _features(evaluation, "train", latents),
            train.counts[:, :seen, out],
            known_heldout(train).all(2),
            _features(evaluation, "test", latents),
            np.ascontiguousarray(test.counts[:, :seen, out]),
            known_heldout(test),
        )
        named = {"features": "inferred latents" if latents else "log rates of held-in units"}
        return Measurement(found.sums, found.statistic, named | dict(found.context))


def few_shot_co_bps(
    train_latents: Float[Array, "trial time latent"],
    train_counts: Shaped[Array, "trial time unit"],
    train_known: Bool[Array, "trial time"],
    test_latents: Float[Array, "test_trial time latent"],
    test_counts: Shaped[Array, "test_trial time unit"],
    test_known: Bool[Array, "test_trial time unit_or_one"],
    *,
    shots: Sequence[int] = SHOTS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Measurement:
    """Bits per spike at the smallest number of trials, the mean over draws of the training trials; the bootstrap is over test trials.

    The draws are the same for every model, and those of fewer trials are part of those of more. Source: arXiv 2405.14425.

    Args:
        train_latents, test_latents: features of each bin, frozen.
        train_counts, test_counts: counts of the held-out units.
        train_known: training bins with counts of all of them.
        test_known: test entries to score.
        shots: numbers of training trials; those above what there is are left out.
        repeats: draws of the training trials.
        seed: of the draws.

    Raises:
        InvalidInput: latents that are not finite, fewer training trials than the smallest number, or drawn trials without a known bin.
    """
    shots = sorted(k for k in shots if k <= len(train_counts))
    if not shots:
        raise InvalidInput("train trials", len(train_counts), "at least as many as the fewest shots")
    train, test = _scaled(train_latents, train_known, test_latents, test_known.any(2))
    generator = np.random.default_rng(seed)
    values: dict[int, list[float]] = {k: [] for k in shots}
    first: list[Measurement] = []
    for _ in range(repeats):
        drawn = generator.permutation(len(train_counts))
        for k in shots:
            rows = np.sort(drawn[:k])
            use = train_known[rows]
            if not use.any():
                raise InvalidInput("train trials", f"{k} drawn ones without known counts", "counts in every trial")
            rates = _readout(train[rows][use], train_counts[rows][use], test)
            measured = bits_per_spike(rates, test_counts, test_known)
            values[k].append(measured.value)
            if k == shots[0]:
                first.append(measured)
    # the spikes are the same in every draw, so the mean of the ratios is the ratio of the mean sums
    sums = np.mean([measured.sums for measured in first], 0)
    spread = {
        str(k): {"mean": round(float(np.mean(v)), 4), "sd": round(float(np.std(v, ddof=1)), 4) if repeats > 1 else 0.0}
        for k, v in values.items()
    }
    context = {"shots": shots[0], "repeats": repeats, "latents": train.shape[2], "by_shots": spread}
    return Measurement(sums, first[0].statistic, context)


def _features(evaluation: Evaluation, split: Split, latents: bool) -> np.ndarray:
    """What the held-out units are read from, over the observed bins."""
    inferred, trials = evaluation.inferred[split], evaluation.trials[split]
    if latents:
        assert inferred.latents is not None
        return inferred.latents[:, : trials.observed_bins]
    assert inferred.rates is not None
    return np.asarray(np.log(np.maximum(inferred.rates[:, : trials.observed_bins, trials.heldin], FLOOR)))


def _scaled(
    train: np.ndarray, train_known: np.ndarray, test: np.ndarray, test_known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both in float32, centred, with a leading principal component of variance 1 over the known training bins."""
    for name, latents, known in (("train", train, train_known), ("test", test, test_known)):
        if not np.isfinite(latents[known]).all():
            raise InvalidInput("latents", f"values that are not finite in {name} trials", "finite latents")
    rows = train[train_known].astype(np.float64)
    mean = rows.mean(0)
    rows -= mean
    leading = np.linalg.eigvalsh(rows.T @ rows / len(rows))[-1]
    scale = np.sqrt(max(leading, np.finfo(np.float32).tiny))
    return ((train - mean) / scale).astype(np.float32), ((test - mean) / scale).astype(np.float32)


def _readout(x: np.ndarray, y: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Rates `(test_trial, time, unit)` of a Poisson regression fitted to rows `(row, latent)` and `(row, unit)`."""
    mean = x.mean(0)
    centred = x - mean
    axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, ::-1].astype(np.float32)
    ((_, weights, bias),) = poisson_path(Rows(centred @ axes, y.astype(np.float32)), [PENALTY])
    weights = axes @ weights
    log_rates = test @ weights + (bias - mean @ weights)
    return np.asarray(np.exp(np.minimum(log_rates, _LARGEST_LOG_RATE)))
