"""Inferred latents against the true ones, after an affine map fitted on training trials."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.metrics._mapped_r2 import PENALTIES
from neurodyn.metrics._r2 import r2
from neurodyn.regression.ridge import fit_validated
from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.scores import number
from neurodyn.reporting.subject import Subject

CHANNELS, TRIALS = 4, 5
"""True latents and trials drawn."""


class Latents(Section):
    """True latents and the inferred ones mapped onto them, over a few test trials."""

    name = "latents"
    title = "Latents against the truth"
    lead = "Latents are free up to a change of coordinates, so they are mapped onto the truth first, by a map that saw no test trial."

    def applies(self, subject: Subject) -> bool:
        """Whether true and inferred latents are there, on the same clock."""
        truth, latents = subject.test.truth.get("latents"), subject.test_inference.latents
        return truth is not None and latents is not None and truth.shape[1] == latents.shape[1]

    def html(self, subject: Subject) -> str:
        """Traces of a few true latents, one panel each."""
        test, split = subject.test, subject.fitting_split
        inferred, truth = subject.test_inference.latents, test.truth["latents"]
        assert inferred is not None
        chosen_on = "valid" if "valid" in subject.inferred else split
        to_truth = fit_validated(_rows(subject, split), _rows(subject, chosen_on), PENALTIES)
        found = to_truth(inferred)
        single = [slice(c, c + 1) for c in range(truth.shape[2])]
        fit = np.array([r2(truth[..., c], found[..., c], test.mask, "channels", "latents").value for c in single])
        channels = np.sort(np.argsort(-np.nan_to_num(truth[test.mask].var(0)))[:CHANNELS])
        examples = subject.examples(TRIALS)
        height = 92 + 104 * len(channels)
        layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 54, "b": 44}}
        layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 20 / (height - 98), "yanchor": "bottom"}
        traces: list[dict[str, Any]] = []
        gap_bins = max(2, test.bins // 20)
        for k, (channel, place) in enumerate(
            zip(channels, plot.grid(len(channels), 1, gap_y=0.26 / max(len(channels), 2)))
        ):
            last = k == len(channels) - 1
            x_axis = plot.stacked_axis(last, "seconds, trials one after another")
            title = f"true latent {channel + 1}: R² = {number(fit[channel])}"
            axes = plot.panel(layout, k + 1, place, x=x_axis, y=plot.axis(nticks=4), title=title)
            for label, colour, width, values in (
                ("true", plot.TRUTH, 1.4, truth),
                ("inferred, mapped", plot.MODEL, 2, found),
            ):
                picked = np.where(test.mask[examples], values[examples, :, channel], np.nan)
                x, y = plot.side_by_side(picked, test.bin_s, gap_bins=gap_bins)
                traces.append(
                    plot.line(x, y, colour, width=width, name=label, legendgroup=label, showlegend=k == 0, **axes)
                )
        caption = (
            f"{inferred.shape[2]} inferred latents mapped onto {truth.shape[2]} true ones linearly with an offset, as for the score: fitted on "
            f"{trials_of(subject, split)} with a slight ridge chosen on the {chosen_on} split. Drawn: {len(examples)} of {trials_of(subject)}. R² over all test trials"
            f"{f'; mean over the true latents {np.nanmean(fit):.3f}' if len(fit) > 1 else ''}. With many inferred latents a map finds much: see the "
            "score table for the map in the other direction, which shows what the latents hold beyond the truth."
        )
        if split == "test":
            caption += " <b>No training trials were given, so map and R² are of the same trials.</b>"
        return plot.figure(traces, layout, height=height, label="True and inferred latents over time", caption=caption)


def _rows(subject: Subject, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Inferred and true latents of a split's bins with data, `(bin, latent)` each."""
    trials, latents = subject.trials[split], subject.inferred[split].latents
    assert latents is not None
    return latents[trials.mask].astype(np.float64), trials.truth["latents"][trials.mask].astype(np.float64)
