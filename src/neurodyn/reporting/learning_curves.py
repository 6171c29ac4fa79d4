"""Learning curves of every loss term, the validation score and the learning rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurodyn.reporting import plot
from neurodyn.reporting.base import Section
from neurodyn.reporting.subject import Subject

MOST_ROWS = 400
"""Epochs drawn; longer histories are thinned evenly, the best epoch kept."""

LOGARITHMIC, LOGARITHMIC_ERROR = 30.0, 2.0
"""From this ratio of the largest to the smallest value on an axis is logarithmic; of a task alone, whose terms are errors and fall to 0, from the second."""


class LearningCurves(Section):
    """Every term on training and validation trials over epochs, with the best epoch marked."""

    name = "learning_curves"
    title = "Learning curves"
    lead = "Did training settle, and do training and validation trials agree?"

    def applies(self, subject: Subject) -> bool:
        """Whether there is a history of more than one epoch."""
        return len(subject.history) > 1

    def html(self, subject: Subject) -> str:
        """One panel a term, then the validation score and the learning rate."""
        total = subject.total_term
        terms = ([total] if total else []) + [t for t in subject.terms if t != total]
        names = [f"*/{t}" for t in terms] + [n for n in ("valid/score", "learning_rate") if _present(subject, n)]
        rows = _thinned(subject)
        least_spread = LOGARITHMIC if subject.test.units else LOGARITHMIC_ERROR
        columns = min(3, len(names))
        lines = math.ceil(len(names) / columns)
        height = 66 + 190 * lines
        layout: dict[str, Any] = {"legend": {"orientation": "h", "x": 0, "y": 1 + 26 / (height - 100)}}
        layout["legend"]["yanchor"] = "bottom"
        layout["margin"] = {"l": 56, "r": 14, "t": 60, "b": 44}
        layout["shapes"] = []
        traces: list[dict[str, Any]] = []
        gap_y = 62 / (height - 104) if lines > 1 else 0.0
        for k, (name, place) in enumerate(zip(names, plot.grid(lines, columns, gap_x=0.09, gap_y=gap_y))):
            curves = _curves(subject, name)
            values = np.concatenate([v for _, v, _ in curves])
            values = values[np.isfinite(values)]
            spread = len(values) > 0 and values.min() > 0 and values.max() > least_spread * values.min()
            y_axis = plot.log_axis(values) if spread else plot.axis(nticks=5, exponentformat="power")
            bottom = k + columns >= len(names)
            title = {"valid/score": "validation score", "learning_rate": "learning rate"}.get(name, name[2:])
            title = title.replace("_", " ")
            axes = plot.panel(layout, k + 1, place, x=plot.axis("epoch" if bottom else ""), y=y_axis, title=title)
            for label, curve, colour in curves:
                traces.append(
                    plot.line(
                        subject.epochs[rows],
                        curve[rows],
                        colour,
                        name=label,
                        dash="solid",
                        legendgroup=label,
                        showlegend=k == 0 and label in ("train", "valid"),
                        hovertemplate=f"{label}, epoch %{{x}}: %{{y:.5g}}<extra></extra>",
                        **axes,
                    )
                )
            if subject.best_row is not None:
                layout["shapes"].append(plot.vertical(float(subject.epochs[subject.best_row]), axes))
        caption = self._caption(subject, len(rows))
        return plot.figure(traces, layout, height=height, label="Learning curves of every term", caption=caption)

    def _caption(self, subject: Subject, drawn: int) -> str:
        best = ""
        if subject.best_row is not None:
            row = subject.history[subject.best_row]
            score = row.get("valid/score")
            best = f" Dotted: the best epoch, {subject.epochs[subject.best_row]:g}, whose weights are used everywhere else in this report"
            best += "." if score is None else f" (validation score {float(score):.4g})."
        seconds = subject.history[-1].get("cpu_s")
        spent = "" if seconds is None else f" Training took {float(seconds):.0f} CPU seconds."
        thinned = f" {drawn} of {len(subject.history)} epochs drawn." if drawn < len(subject.history) else ""
        ramp = " (the ELBO logs its terms before scale and ramp; the total holds both)" if subject.test.units else ""
        fresh = ", drawn anew for every step" if subject.test.draw is not None else ""
        fresh = "" if (subject.config.get("train") or {}).get("fresh_trials") is False else fresh
        unseen = "The test trials were not seen."
        if subject.test.provenance.get("repeated_trials"):
            unseen = "They are the same trials, the conditions of the task, and so are the test trials: nothing here is held out."
        return (
            f"Every term over epochs as the objective logs it{ramp}: blue, training batches{fresh}, with dropout, noise and sampling as "
            f"in training; orange, validation trials. {unseen}{best}{spent}{thinned}"
        )


def _present(subject: Subject, name: str) -> bool:
    return bool(np.isfinite(subject.curve(name)).any())


def _curves(subject: Subject, name: str) -> list[tuple[str, np.ndarray, str]]:
    if not name.startswith("*/"):
        return [(name, subject.curve(name), plot.CATEGORIES[1] if name.startswith("valid") else plot.MUTED)]
    both = [("train", plot.CATEGORIES[0]), ("valid", plot.CATEGORIES[1])]
    return [(split, subject.curve(f"{split}/{name[2:]}"), colour) for split, colour in both]


def _thinned(subject: Subject) -> np.ndarray:
    n = len(subject.history)
    rows = np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(int)
    return np.unique(np.append(rows, [] if subject.best_row is None else subject.best_row)).astype(int)
