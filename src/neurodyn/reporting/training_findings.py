"""What the diagnosis looks for in the training history. Thresholds are the constants here."""

from __future__ import annotations

import numpy as np

from neurodyn.reporting.findings import Check, Finding
from neurodyn.reporting.subject import Subject

COLLAPSED_KL = 0.05
"""A posterior says nothing below this many nats a trial at the best epoch (the objectives log a KL in nats a trial, before scale and ramp)."""
OVERFIT_LOSS = 0.02
"""Relative rise of the validation loss after its minimum that counts as over-fitting, when the training loss still falls."""
TRAIN_VALID_GAP = 0.1
"""Relative excess of the validation over the training negative log likelihood at the best epoch that is worth a look."""
EARLY_SHARE = 0.02
"""The best epoch is early within this share of the epochs run (or as the first)."""


def kl_collapse(subject: Subject) -> Finding | None:
    """Posteriors whose KL from the prior is next to nothing at the best epoch."""
    names = [term for term in subject.terms if term == "kl" or term.startswith("kl_")]
    if not names or subject.best_row is None:
        return None
    values = {}
    for name in names:
        curve = subject.curve(f"valid/{name}")
        curve = curve if np.isfinite(curve).any() else subject.curve(f"train/{name}")
        values[name] = float(curve[subject.best_row])
    text = ", ".join(f"{n.removeprefix('kl_').replace('_', ' ')} {v:.3g}" for n, v in values.items())
    collapsed = [n for n, v in values.items() if v < COLLAPSED_KL]
    text = f"KL at the best epoch, in nats a trial: {text}."
    if collapsed:
        below = " and ".join(n.removeprefix("kl_").replace("_", " ") for n in collapsed)
        advice = f"Below {COLLAPSED_KL} nats the posterior of {below} is its prior and carries nothing about single trials: lower its KL scale or lengthen the ramp."
        return Finding("look", "KL collapse", text, advice)
    return Finding("fine", "KL collapse", text)


def over_fitting(subject: Subject) -> Finding | None:
    """Whether the validation loss turned while the training loss fell."""
    name = next((t for t in subject.terms if t.endswith("nll")), subject.total_term)
    if name is None or len(subject.history) < 5:
        return None
    valid, train = subject.curve(f"valid/{name}"), subject.curve(f"train/{name}")
    if not (np.isfinite(valid).any() and np.isfinite(train).any()):
        return None
    lowest = int(np.nanargmin(valid))
    tail = max(1, len(valid) // 20)
    end, end_train = float(np.nanmedian(valid[-tail:])), float(np.nanmedian(train[-tail:]))
    rise = (end - valid[lowest]) / max(abs(valid[lowest]), 1e-12)
    word = name.replace("_", " ")
    if rise > OVERFIT_LOSS and end_train <= train[lowest]:
        text = f"Validation {word} rose by {rise:.1%} from its minimum at epoch {subject.epochs[lowest]:g} to the end, while the training {word} went on falling."
        return Finding(
            "look",
            "over-fitting",
            text,
            "The best epoch’s weights are kept, so scores are safe. More dropout, penalties or a smaller model would let training go on usefully.",
        )
    return Finding("fine", "over-fitting", f"Validation {word} ended {rise:.1%} above its minimum.")


def train_valid_gap(subject: Subject) -> Finding | None:
    """Distance between training and validation likelihood at the best epoch."""
    name = next((t for t in subject.terms if t.endswith("nll")), None)
    if name is None or subject.best_row is None:
        return None
    train, valid = (float(subject.curve(f"{split}/{name}")[subject.best_row]) for split in ("train", "valid"))
    if not (np.isfinite(train) and np.isfinite(valid)):
        return None
    gap = (valid - train) / max(abs(train), 1e-12)
    text = (
        f"At the best epoch the {name.replace('_', ' ')} is {train:.4g} on train and {valid:.4g} on valid ({gap:+.1%})."
    )
    if gap > TRAIN_VALID_GAP:
        return Finding(
            "look",
            "train/valid gap",
            text,
            "Either the model is too free for this many trials, or the splits differ (drift over the session): compare a random split with one in blocks.",
        )
    return Finding("fine", "train/valid gap", text)


def stopping(subject: Subject) -> Finding | None:
    """Whether the best epoch is the first or the last."""
    if subject.best_row is None or len(subject.history) < 3:
        return None
    row, n, epoch = subject.best_row, len(subject.history), subject.epochs[subject.best_row]
    text = f"The best validation score came at epoch {epoch:g}; {n} epochs were run."
    if row <= max(0, int(EARLY_SHARE * n) - 1):
        return Finding(
            "look",
            "stopping",
            text + " That is at the very start.",
            "Training made things worse or the score is noise: lower the learning rate, and check that validation trials resemble training trials.",
        )
    if row == n - 1:
        return Finding(
            "look",
            "stopping",
            text + " That is the last one: it was still improving.",
            "Train longer (--train.epochs).",
        )
    return Finding("fine", "stopping", text)


CHECKS: tuple[Check, ...] = (stopping, over_fitting, train_valid_gap, kl_collapse)
"""Checks of the history, in the order of the page."""
