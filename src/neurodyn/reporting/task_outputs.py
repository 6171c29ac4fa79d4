"""What goes into a task-trained network and what comes out, beside what should."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.data.signal import Signal
from neurodyn.metrics._task_outputs import weight_of
from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, trials_of
from neurodyn.reporting.conditions import number_of_conditions, shown_conditions
from neurodyn.reporting.subject import Subject

OUTPUTS, TRIALS, NAMED = 4, 4, 8
"""Outputs and trials drawn, and stimulus channels that the legend names."""
UNCOUNTED = "rgba(120,130,140,0.16)"


class TaskOutputs(Section):
    """Stimulus, target and output of a few test trials."""

    name = "task_outputs"
    title = "Stimulus, target and output"
    lead = "Does the network do the task? What lies on grey is not counted: there it may say anything."

    def applies(self, subject: Subject) -> bool:
        """Whether the model says something of a target over time."""
        return bool(_targets(subject))

    def html(self, subject: Subject) -> str:
        """One figure a target."""
        return "".join(_figure(subject, name) for name in _targets(subject))


def _targets(subject: Subject) -> list[str]:
    signals = subject.test.of_role("target")
    said = subject.test_inference.extra
    return [n for n, s in signals.items() if s.kind in ("series", "classes") and f"predicted_{n}" in said]


def _figure(subject: Subject, name: str) -> str:
    test, signal = subject.test, subject.test.signals[name]
    target, said = np.asarray(signal.values), subject.test_inference.extra[f"predicted_{name}"]
    counts = weight_of(test, name) > 0
    classes = signal.kind == "classes"
    examples = _examples(subject)
    outputs = _outputs(target, counts, classes)
    stimuli = _stimuli(subject)
    gap = max(2, test.bins // 20)
    panels = len(outputs) + bool(stimuli)
    height = 110 + 118 * panels
    layout: dict[str, Any] = {"margin": {"l": 60, "r": 14, "t": 70, "b": 46}, "shapes": []}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 40 / (height - 116), "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    places = plot.grid(panels, 1, gap_y=0.3 / max(panels, 2))
    for k, place in enumerate(places):
        x_axis = plot.stacked_axis(k == panels - 1, "seconds, trials one after another")
        if stimuli and k == 0:
            axes = plot.panel(layout, 1, place, x=x_axis, y=plot.axis("stimulus", nticks=4))
            traces += _drawn(stimuli, examples, test.mask, test.bin_s, gap, axes)
            continue
        output = outputs[k - bool(stimuli)]
        label = _name(signal, name, output)
        axes = plot.panel(layout, k + 1, place, x=x_axis, y=plot.axis(label, nticks=4))
        layout["shapes"] += _greyed(~counts[examples, :, output], test.bin_s, gap, axes)
        known, whole = counts[examples, :, output], test.mask[examples]
        first = k == bool(stimuli)
        shown = ("probability" if classes else "output", said, whole, plot.MODEL, 2.0)
        for text, values, keep, colour, width in (("target", target, known, plot.TRUTH, 1.4), shown):
            x, y = plot.side_by_side(np.where(keep, values[examples, :, output], np.nan), test.bin_s, gap_bins=gap)
            same = {"name": text, "legendgroup": text, "showlegend": first, **axes}
            traces.append(plot.line(x, y, colour, width=width, **same))
    layout["annotations"] = [*layout.get("annotations", []), *_labels(subject, examples, test.bins + gap)]
    more = target.shape[2] - len(outputs)
    caption = (
        f"Drawn: {len(examples)} of {trials_of(subject)}"
        + (f", the {len(outputs)} outputs whose targets vary most ({more} more are not drawn)" if more else "")
        + ". Black: target where it counts; blue: "
        + ("the probability that the network gives to the class." if classes else "output of the network.")
        + (" Grey: entries that are not counted." if not counts[examples].all() else "")
    )
    return plot.figure(traces, layout, height=height, label="Stimulus, target and output over time", caption=caption)


def _examples(subject: Subject) -> np.ndarray:
    """The first trial of each of some conditions, spread evenly over them; of a task without conditions trials spread over the split."""
    if number_of_conditions(subject.test.conditions) < TRIALS:
        return subject.examples(TRIALS)
    labels, shown = shown_conditions(subject.test.conditions, TRIALS)
    return np.array([int(np.flatnonzero(labels == condition)[0]) for condition in shown])


def _outputs(target: np.ndarray, counts: np.ndarray, classes: bool) -> list[int]:
    """Outputs that are drawn, in order."""
    if classes:
        return list(range(min(OUTPUTS, target.shape[2])))
    number = np.maximum(counts.sum((0, 1)), 1)
    mean = np.where(counts, target, 0).sum((0, 1)) / number
    variance = np.where(counts, np.square(target - mean), 0).sum((0, 1)) / number
    return sorted(np.argsort(-variance, kind="stable")[:OUTPUTS].tolist())


def _stimuli(subject: Subject) -> list[tuple[str, np.ndarray]]:
    """Name and values `(trial, time)` of every stimulus channel."""
    found = []
    for role in ("stimulus", "input"):
        for name, signal in subject.test.of_role(role).items():
            if signal.kind in ("series", "classes") and signal.bins == subject.test.bins:
                values = np.asarray(signal.values)
                found += [(_name(signal, name, c), values[..., c]) for c in range(values.shape[2])]
    return found


def _drawn(
    stimuli: list[tuple[str, np.ndarray]],
    examples: np.ndarray,
    mask: np.ndarray,
    bin_s: float,
    gap: int,
    axes: dict[str, str],
) -> list[dict[str, Any]]:
    palette = plot.colours(len(stimuli) + 1)[1:] if len(stimuli) < NAMED else plot.colours(len(stimuli), ordered=True)
    traces = []
    for (name, values), colour in zip(stimuli, palette):
        x, y = plot.side_by_side(np.where(mask[examples], values[examples], np.nan), bin_s, gap_bins=gap)
        traces.append(plot.line(x, y, colour, width=1.3, name=name, showlegend=len(stimuli) < NAMED, **axes))
    return traces


def _greyed(uncounted: np.ndarray, bin_s: float, gap: int, axes: dict[str, str]) -> list[dict[str, Any]]:
    """Rectangles behind the bins that are not counted, of trials drawn one after another."""
    shapes = []
    bins = uncounted.shape[1]
    for place, trial in enumerate(uncounted):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], trial.astype(int), [0]])))
        for start, end in edges.reshape(-1, 2) + place * (bins + gap):
            across = {"x0": start * bin_s, "x1": end * bin_s, "xref": axes["xaxis"]}
            up = {"y0": 0, "y1": 1, "yref": f"{axes['yaxis']} domain"}
            shapes.append(
                {"type": "rect", "layer": "below", "fillcolor": UNCOUNTED, "line": {"width": 0}, **across, **up}
            )
    return shapes


def _labels(subject: Subject, examples: np.ndarray, stride: int) -> list[dict[str, Any]]:
    """What each trial is, above it."""
    style = {
        "xref": "x",
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 3,
        "font": {"size": 11, "color": plot.MUTED},
    }
    return [
        plot.note(subject.trial_label(int(trial)), place * stride * subject.test.bin_s, 1.0, **style)
        for place, trial in enumerate(examples)
    ]


def _name(signal: Signal, name: str, channel: int) -> str:
    return signal.names[channel].replace("_", " ") if signal.names else f"{name} {channel + 1}"
