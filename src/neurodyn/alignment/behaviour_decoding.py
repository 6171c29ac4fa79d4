"""Behaviour of new subjects, decoded from their latents by what other subjects taught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn import registry
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement

DECODERS = {f"zero_shot_behaviour_r2_{name}": name for name in ("linear", "mlp", "gru")}
"""Measure -> its decoder."""
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From latents `(trial, time, latent)` and their mask to behaviour `(trial, time, channel)`."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """Behaviour of a scored subject as one decoder gives it."""

    subject: str
    true: np.ndarray
    """`(trial, time, channel)`; NaN where it is not known."""
    predicted: np.ndarray
    """As `true`."""
    taught_by: str = ""
    """Who taught the decoder, where it is one of several."""


def behaviour_of(s: AlignedSubject) -> np.ndarray | None:
    """Every behaviour series on the neural clock side by side `(trial, time, channel)`, cut to the latents' bins; NaN outside the mask. None without behaviour."""
    found = s.trials.behaviour
    if found is None or found.shape[1] < s.mask.shape[1]:
        return None
    return np.where(s.mask[..., None], found[:, : s.mask.shape[1]], np.nan)


def own_predictions(s: AlignedSubject) -> tuple[np.ndarray, np.ndarray] | None:
    """True and predicted behaviour `(trial, time, channel)` of the signals that the model's own decoder gives; None without one."""
    true, predicted = [], []
    for name, values in s.predicted.items():
        signal = s.trials.signals.get(name)
        if signal is None or signal.role != "behaviour" or signal.kind != "series":
            continue
        bins = min(s.mask.shape[1], values.shape[1], signal.bins)
        if values.shape[::2] != (signal.values.shape[0], *signal.shape):
            raise InvalidInput(
                f"predicted {name} of {s.name}", f"shape {values.shape}", f"{signal.values.shape}, as recorded"
            )
        filled = [np.full((*s.mask.shape, values.shape[2]), np.nan) for _ in range(2)]
        filled[0][:, :bins] = np.where(s.mask[:, :bins, None], np.asarray(signal.values)[:, :bins], np.nan)
        filled[1][:, :bins] = values[:, :bins]
        true.append(filled[0])
        predicted.append(filled[1])
    return (np.concatenate(true, 2), np.concatenate(predicted, 2)) if true else None


def r2_of(
    alignment: Alignment,
    decoded: Sequence[Decoded],
    context: Mapping[str, Any] | None = None,
) -> Measurement:
    """1 − SSE / SST of every channel on raw values, averaged over the channels that vary and then over subjects (and those who taught their decoders).

    SST is about the channel's mean over the scored bins, in every bootstrap draw too. Bins where the truth is NaN are left out, channel by channel.

    Args:
        alignment: what is scored.
        decoded: true and predicted values of its scored subjects.
        context: what to say beside it.

    Raises:
        InvalidInput: a prediction that is not finite where there is behaviour.
    """
    last = 1 + max(int(alignment.rows[each.subject].max()) for each in decoded)
    parts, widths, tiny, by_subject = [], [], [], {}
    for each in decoded:
        name, true, predicted = each.subject, each.true, each.predicted
        known = np.isfinite(true)
        if not np.isfinite(predicted[known]).all():
            raise InvalidInput(f"predicted behaviour of {name}", "values that are not finite", "finite values")
        number = known.sum((0, 1))
        y = np.where(known, true, 0)
        scale = np.square(y).sum((0, 1))
        y = np.where(known, y - y.sum((0, 1)) / np.maximum(number, 1), 0)  # centred once for the digits' sake
        left = np.where(known, true - predicted, 0)
        adds = [np.square(left).sum(1), np.square(y).sum(1), y.sum(1), known.sum(1)]
        sums = np.zeros((last, 4 * true.shape[2]))
        np.add.at(sums, alignment.rows[name], np.concatenate(adds, 1))
        parts.append(sums)
        widths.append(true.shape[2])
        tiny.append(1e-12 * np.maximum(scale, np.finfo(float).tiny))
    cuts = np.cumsum([4 * w for w in widths])[:-1]

    def statistic(sums: np.ndarray) -> np.ndarray:
        values = []
        for part, width, least in zip(np.split(sums, cuts, 1), widths, tiny):
            left, square, total, number = (part[:, k * width : (k + 1) * width] for k in range(4))
            spread = square - np.square(total) / np.maximum(number, 1)
            varies = spread > least
            r2 = np.where(varies, 1 - left / np.where(varies, spread, 1), 0)
            values.append(r2.sum(1) / varies.sum(1))
        return np.asarray(np.mean(values, 0))

    table = np.concatenate(parts, 1)
    used = table.any(1)
    for each, part, width, least in zip(decoded, parts, widths, tiny):
        left, square, *_ = part.sum(0).reshape(4, width)
        said = f"{each.subject}, taught by {each.taught_by}" if each.taught_by else each.subject
        by_subject[said] = [float(1 - a / b) if b > e else float("nan") for a, b, e in zip(left, square, least)]
    return Measurement(table[used], statistic, {"by_subject": by_subject, **(context or {})}, alignment.over)


def zero_shot(alignment: Alignment, decoder: str) -> Measurement:
    """R² in the scored subjects of a decoder that was fitted to the training subjects' latents."""
    training = list(alignment.training.values())
    predict = alignment.taught(("behaviour", decoder), lambda: fitted(training, decoder, alignment.active))
    found = [
        Decoded(s.name, true, predict(s.latents, s.mask))
        for s in alignment.scored
        if (true := behaviour_of(s)) is not None
    ]
    said = {"active": alignment.active_said, "fitted_to": ", ".join(alignment.training)}
    return r2_of(alignment, found, said)


def within_subjects(alignment: Alignment, decoder: str, seed: int = 0) -> Measurement | None:
    """R² in the scored subjects of a decoder fitted to the other half of the same subject's stimuli (or trials), both halves in turn.

    None where a subject has fewer than four of them.
    """
    found = []
    for s in alignment.scored:
        true = behaviour_of(s)
        if true is None:
            continue
        rows = np.unique(alignment.rows[s.name])
        if len(rows) < 4:
            return None
        half = np.isin(alignment.rows[s.name], np.random.default_rng(seed).permutation(rows)[: len(rows) // 2])
        predicted = np.zeros(true.shape)
        for fit in (half, ~half):
            predict = fitted([s], decoder, alignment.active, fit)
            predicted[~fit] = predict(s.latents[~fit], s.mask[~fit])
        found.append(Decoded(s.name, true, predicted))
    return r2_of(alignment, found)


def can_decode(alignment: Alignment) -> bool:
    """Whether training subjects and scored subjects have the same number of behaviour channels, at least one."""
    given = [behaviour_of(s) for s in (*alignment.training.values(), *alignment.scored)]
    widths = {0 if b is None else b.shape[2] for b in given}
    return bool(alignment.training) and len(widths) == 1 and 0 not in widths


def fitted(
    subjects: Sequence[AlignedSubject],
    name: str,
    active: np.ndarray | None = None,
    trials: np.ndarray | None = None,
) -> Predict:
    """A decoder fitted to latents of some subjects' trials.

    Args:
        subjects: with behaviour.
        name: of the decoder.
        active: bool `(latent,)`, dimensions that count, when it is asked too; all by default.
        trials: bool `(trial,)`, those of each subject that are used; all by default.
    """
    bins = max(s.mask.shape[1] for s in subjects)
    latents, behaviour, masks = [], [], []
    for s in subjects:
        true = behaviour_of(s)
        assert true is not None
        used = np.ones(len(true), bool) if trials is None else trials
        late = ((0, 0), (0, bins - s.mask.shape[1]))
        latents.append(np.pad(_active(s.latents, s.mask, active)[used], (*late, (0, 0))))
        behaviour.append(np.pad(true[used], (*late, (0, 0)), constant_values=np.nan))
        masks.append(np.pad(s.mask[used], late))
    decoder = registry.load("decoders", name)()
    decoder.fit(np.concatenate(latents), np.concatenate(behaviour), np.concatenate(masks))
    return lambda values, mask: np.asarray(decoder(_active(values, mask, active), mask))


def _active(latents: np.ndarray, mask: np.ndarray, active: np.ndarray | None) -> np.ndarray:
    """Latents with 0 in the dimensions that are not active and outside the mask."""
    return np.where(mask[..., None] if active is None else mask[..., None] & active, latents, 0.0)
