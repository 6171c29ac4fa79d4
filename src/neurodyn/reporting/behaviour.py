"""Behaviour decoded from inferred rates, over the behaviour that was recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.metrics._r2 import r2
from neurodyn.metrics.behaviour_r2 import PENALTIES
from neurodyn.regression.ridge import fit_cross_validated
from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.scores import number
from neurodyn.reporting.subject import Subject

CHANNELS, TRIALS = 4, 6
"""Behaviour channels and trials drawn."""


class Behaviour(Section):
    """Recorded and decoded behaviour over a few test trials; the decoder is a ridge regression fitted on training trials."""

    name = "behaviour"
    title = "Decoded behaviour"
    lead = (
        "How much of the behaviour can be read linearly from the inferred rates, by a decoder that saw no test trial."
    )

    def applies(self, subject: Subject) -> bool:
        """Whether there is a bin with behaviour and inferred rates, on the test and the fitting split."""
        splits = ("test", subject.fitting_split)
        return all(
            subject.trials[s].behaviour is not None
            and subject.inferred[s].rates is not None
            and bool(_arrays(subject.trials[s], subject.inferred[s])[0].any())
            for s in splits
        )

    def html(self, subject: Subject) -> str:
        """One panel a channel."""
        test, split = subject.test, subject.fitting_split
        usable, rates, behaviour = _arrays(subject.trials[split], subject.inferred[split])
        decoder = fit_cross_validated(rates[usable], behaviour[usable], np.nonzero(usable)[0], PENALTIES)
        keep, rates, truth = _arrays(test, subject.test_inference)
        decoded, bins = decoder(rates), truth.shape[1]
        single = [slice(c, c + 1) for c in range(truth.shape[2])]
        fit = [r2(truth[..., c], decoded[..., c], keep, "channels", "decoded behaviour").value for c in single]
        names = _channel_names(test)
        channels = range(min(CHANNELS, truth.shape[2]))
        examples = subject.examples(TRIALS)
        height = 96 + 128 * len(channels)
        layout: dict[str, Any] = {"margin": {"l": 64, "r": 14, "t": 56, "b": 46}}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 22 / (height - 102), "yanchor": "bottom"}
        traces: list[dict[str, Any]] = []
        gap_bins = max(2, bins // 20)
        for k, place in zip(channels, plot.grid(len(channels), 1, gap_y=0.3 / max(len(channels), 2))):
            last = k == len(channels) - 1
            x_axis = plot.stacked_axis(last, "seconds, trials one after another")
            title = f"{names[k]}: R² = {number(fit[k])}"
            axes = plot.panel(layout, k + 1, place, x=x_axis, y=plot.axis(nticks=4), title=title)
            for label, colour, width, values in (
                ("recorded", plot.TRUTH, 1.4, truth),
                ("decoded", plot.MODEL, 2, decoded),
            ):
                picked = np.where(keep[examples], values[examples, :, k], np.nan)
                time, trace = plot.side_by_side(picked, test.bin_s, gap_bins=gap_bins)
                traces.append(
                    plot.line(
                        time, trace, colour, width=width, name=label, legendgroup=label, showlegend=k == 0, **axes
                    )
                )
        caption = (
            f"Ridge regression from the inferred rates of all {test.units} units to behaviour at the same bin, without lag or history; fitted on "
            f"{trials_of(subject, split)}, penalty by cross-validation over whole training trials, as for the score. Drawn: {len(examples)} of "
            f"{trials_of(subject)}; R² over all of them (mean over channels {np.mean(fit):.3f})."
        )
        if split == "test":
            caption += " <b>No training trials were given, so decoder and R² are of the same trials.</b>"
        return plot.figure(traces, layout, height=height, label="Recorded and decoded behaviour", caption=caption)


def _arrays(trials: Trials, inference: Inference) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Over the observed bins: where there is behaviour `(trial, time)`, rates `(trial, time, unit)`, behaviour `(trial, time, channel)`."""
    behaviour, rates = trials.behaviour, inference.rates
    assert behaviour is not None and rates is not None
    bins = min(trials.observed_bins, behaviour.shape[1])
    behaviour = behaviour[:, :bins]
    usable = trials.mask[:, :bins] & np.isfinite(behaviour).all(2)
    return usable, rates[:, :bins].astype(np.float64), behaviour


def _channel_names(trials: Trials) -> list[str]:
    found: list[str] = []
    for name, signal in trials.of_role("behaviour").items():
        if signal.kind == "series" and signal.bins in (trials.bins, trials.observed_bins):
            width = signal.shape[-1]
            own = list(signal.names) or ([name] if width == 1 else [f"{name} {i + 1}" for i in range(width)])
            found += [f"{label} ({signal.units})" if signal.units else label for label in own]
    return found
