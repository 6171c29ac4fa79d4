"""Latents across subjects: the report card, how alike paired and unpaired trials are, and the latents themselves."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from neurodyn.alignment import base
from neurodyn.alignment.card import SAME_LATENTS, TITLES, ReportCard
from neurodyn.alignment.trial_correlation import Centring, TrialSeries
from neurodyn.alignment.trial_pairs import TrialPairs, across_subjects, matched_by
from neurodyn.reporting import plot
from neurodyn.reporting.base import Section, table
from neurodyn.reporting.scores import number
from neurodyn.reporting.subject import Subject

_BINS, _EXAMPLES, _DIMENSIONS = 60, 5, 4
"""Bars of a histogram; pairs of trials and latent dimensions drawn."""


class Alignment(Section):
    """The report card of an alignment across subjects."""

    name = "alignment"
    title = "Agreement across subjects"
    lead = (
        "Do subjects that are shown the same have the same latents, and is anything in them? No correlation across subjects means something alone: each stands beside "
        "what unrelated trials, an untrained network and a model trained on shuffled pairs give."
    )

    def applies(self, subject: Subject) -> bool:
        """Whether the model was asked about several subjects."""
        return subject.card is not None and bool(subject.card.by_name)

    def html(self, subject: Subject) -> str:
        """Warnings, tables, and two figures where the latents are at hand."""
        card = subject.card
        assert card is not None
        shown = _warnings(card) + _tables(card)
        if card.alignment is not None and matched_by(card.alignment) is not None:
            shown += _distributions(card.alignment) + _latents(card.alignment)
        return shown


def _warnings(card: ReportCard) -> str:
    items = "".join(
        f'<li class="look"><span class="state">Mind</span><span>{escape(said)}</span></li>' for said in card.warnings()
    )
    return f'<ul class="findings">{items}</ul>' if items else ""


def _tables(card: ReportCard) -> str:
    found, shown, definitions = card.by_name, "", []
    for group, names in card.groups():
        head = ["Row"]
        for name in names:
            arrow = "↑" if found[name].direction == "higher" else "↓"
            head.append(
                f'<abbr title="{escape(found[name].definition)}">{escape(name.replace("_", " "))}</abbr> {arrow}'
            )
            definitions.append(f"<li><b>{escape(name)}</b>: {escape(found[name].definition)}</li>")
        rows = []
        for row in card.rows:
            cells = [escape(card.shown(row, name)) for name in names]
            if any(cells):
                mine = row == card.model
                rows.append([escape(row.replace("_", " ")), *(f"<b>{c}</b>" if mine and c else c for c in cells)])
        if any(found[name].ceiling is not None for name in names):
            rows.append([SAME_LATENTS, *(number(found[name].ceiling) for name in names)])
        shown += f"<h3>{escape(TITLES[group])}</h3>{table(head, rows, 'scores')}"
    first = next(iter(found.values()))
    subjects = ", ".join(str(s) for s in first.context.get("subjects", ()))
    intervals = "; ".join(dict.fromkeys(str(s.context["interval"]) for s in found.values()))
    aside = (
        f'<p class="caption">Subjects scored: {escape(subjects)}. Brackets: {escape(intervals)}. “{SAME_LATENTS.capitalize()}”: the model’s latents, read by a '
        "decoder that was fitted to the other half of the subject's own trials. The rows pca cca and within session are told labels of the subjects scored too. Permutation p values and what else belongs to a score are in <code>scores.json</code>; no p value says how large an effect is.</p>"
    )
    return f'{shown}{aside}<details><summary>Definitions</summary><ol class="definitions">{"".join(definitions)}</ol></details>'


def _distributions(alignment: base.Alignment) -> str:
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 62, "b": 46}, "barmode": "overlay"}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1.14, "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    means = {}
    kinds: tuple[tuple[Centring, str], ...] = (("time", "time-centred"), ("raw", "raw, as published"))
    for k, ((centring, title), place) in enumerate(zip(kinds, plot.grid(1, 2))):
        pairs = across_subjects(alignment, centring, centring == "time")
        each = {which: _correlations(pairs, which) for which in ("unpaired", "paired")}
        low = min((float(r.min()) for r in each.values() if len(r)), default=-1.0)
        edges = np.linspace(max(-1.0, low - 0.02), 1.0, _BINS + 1)
        axes = plot.panel(
            layout,
            k + 1,
            place,
            x=plot.axis("r of two trials", range=[edges[0], 1.0]),
            y=plot.axis("share of pairs" if k == 0 else "", rangemode="tozero"),
            title=title,
        )
        for which, colour in (("unpaired", plot.BASELINE), ("paired", plot.MODEL)):
            r = each[which]
            share = np.histogram(r, edges)[0] / max(len(r), 1)
            bars = {"type": "bar", "x": (edges[1:] + edges[:-1]) / 2, "y": share, "width": np.diff(edges)}
            style = {"marker": {"color": plot.faded(colour, 0.6)}, "name": which, "legendgroup": which}
            traces.append(bars | style | {"showlegend": k == 0} | axes)
            means[centring, which] = float(r.mean()) if len(r) else float("nan")
    said = {key: number(value) for key, value in means.items()}
    caption = (
        f"Correlations of trials of different subjects: with the same {matched_by(alignment)} (blue) and with another (grey); each histogram sums to 1. Left, after each subject's mean over trials was subtracted, "
        f"over active dimensions: means {said['time', 'paired']} and {said['time', 'unpaired']}. Right, nothing subtracted, over all dimensions: {said['raw', 'paired']} and {said['raw', 'unpaired']}. "
        "Where the two lie on each other at the right, the published number measures what all trials have in common."
    )
    return plot.figure(traces, layout, height=320, label="Correlations of paired and unpaired trials", caption=caption)


def _latents(alignment: base.Alignment) -> str:
    """Paired trials of two subjects on each other, along the dimensions that vary most."""
    if not alignment.active.any():
        return "<p>No latent dimension is active: there is nothing to draw.</p>"
    pair = across_subjects(alignment, "time", True)[0]
    subjects = [alignment.subjects[name] for name in pair.subjects]
    kept = np.flatnonzero(alignment.active)
    series = [TrialSeries.of(s.latents[..., kept], s.mask, "time") for s in subjects]
    spread = sum(np.square(s.values).sum((0, 1)) / s.mask.sum() for s in series)
    dimensions = np.argsort(-spread)[:_DIMENSIONS]
    first, second = np.nonzero(pair.paired & np.isfinite(pair.r))
    order = np.argsort(-pair.r[first, second])
    chosen = order[np.unique(np.linspace(0, len(order) - 1, _EXAMPLES).round().astype(int))]
    bins = max(s.mask.shape[1] for s in series)
    height = 110 + 100 * len(dimensions)
    layout: dict[str, Any] = {"margin": {"l": 56, "r": 14, "t": 62, "b": 46}}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1 + 26 / (height - 108), "yanchor": "bottom"}
    traces: list[dict[str, Any]] = []
    for k, (d, place) in enumerate(zip(dimensions, plot.grid(len(dimensions), 1, gap_y=0.05))):
        x_axis = plot.stacked_axis(k == len(dimensions) - 1, "seconds, trials one after another")
        axes = plot.panel(layout, k + 1, place, x=x_axis, y=plot.axis(f"latent {kept[d] + 1}", nticks=4))
        for s, own, trials, colour in zip(subjects, series, (first, second), (plot.MODEL, plot.CATEGORIES[1])):
            values = np.where(own.mask, own.values[..., d], np.nan)[trials[chosen]]
            values = np.pad(values, ((0, 0), (0, bins - values.shape[1])), constant_values=np.nan)
            time, trace = plot.side_by_side(values, s.trials.bin_s, gap_bins=max(2, bins // 20))
            style = {"name": s.name, "legendgroup": s.name, "showlegend": k == 0, "width": 1.8}
            traces.append(plot.line(time, trace, colour, **style, **axes))
    rs = ", ".join(number(float(r)) for r in pair.r[first[chosen], second[chosen]])
    caption = (
        f"Latents of {escape(subjects[0].name)} and {escape(subjects[1].name)}, each less its mean over the subject's trials, in {len(chosen)} of {len(order)} pairs of trials with the same "
        f"{matched_by(alignment)}: from the most alike to the least, at even steps (r = {rs}). The {len(dimensions)} active dimensions that vary most, of {len(kept)}; posterior means."
    )
    return plot.figure(traces, layout, height=height, label="Latents of two subjects", caption=caption)


def _correlations(pairs: list[TrialPairs], which: str) -> np.ndarray:
    r = np.concatenate([p.r[getattr(p, which)] for p in pairs])
    return np.asarray(r[np.isfinite(r)])
