"""A comparison for people, on stderr: every activity against the reference, all pairs, lags, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from neurodyn.cli._console import console, number

if TYPE_CHECKING:
    from neurodyn.comparison.comparison import Compared, Comparison, LagSweep
    from neurodyn.metrics.base import Score

_WIDEST = 12
"""Activities up to which all pairs are printed."""


def print_comparison(found: Comparison) -> None:
    """The tables."""
    out = console()
    for shown in _shown(found):
        out.print(shown, highlight=False, soft_wrap=isinstance(shown, str))


def _shown(found: Comparison) -> Iterator[Table | str]:
    yield _against_reference(found)
    if 2 < len(found.names) <= _WIDEST:
        yield from (_pairs(found.names, each) for each in found.measures.values())
    if found.lags:
        yield _lags(found.lags)
        if all(len(sweep.lag_s) == 1 for sweep in found.lags.values()):
            yield "[bold]![/bold] At no other lag do all activities have the reference's window: take a shorter one (--window-s)."
    yield from _in_words("Held-out conditions", found.scores, "held_out")
    if any(score.ceiling is None for score in found.scores):
        yield from _in_words("Noise ceiling", found.scores, "ceiling")
    yield from (f"[bold]![/bold] {escape(said)}" for said in found.warnings)


def _against_reference(found: Comparison) -> Table:
    """One row a measure and activity."""
    baselines = list(dict.fromkeys(name for score in found.scores for name in score.baselines))
    directions = dict.fromkeys(f"{s.name}: {'larger' if s.direction == 'higher' else 'smaller'}" for s in found.scores)
    table = Table(
        title=f"Similarity to {escape(found.reference)}, {found.samples} samples",
        title_justify="left",
        caption=f"alike is {', '.join(directions)}; fitted: on the conditions that were fitted to; 95 % bootstrap intervals over conditions and units",
        caption_justify="left",
    )
    table.add_column("measure", no_wrap=True)
    table.add_column("activity")
    table.add_column("value [interval]", no_wrap=True)
    for name in ("fitted", *baselines, "ceiling"):
        table.add_column(name.replace("_", " "), justify="right")
    for score in found.scores:
        beside = [number(score.baselines[name]) if name in score.baselines else "" for name in baselines]
        ceiling = "" if score.ceiling is None else number(score.ceiling)
        fitted = number(score.context["fitted"])
        table.add_row(score.name, escape(str(score.context["y"])), _value(score), fitted, *beside, ceiling)
    return table


def _in_words(what: str, scores: Sequence[Score], key: str) -> Iterator[str]:
    """A line for each thing that the scores say of themselves, with the measures it holds for."""
    said = {score.name: str(score.context[key]) for score in scores}
    for words in dict.fromkeys(said.values()):
        measures = ", ".join(name for name, each in said.items() if each == words)
        yield escape(f"{what}, {measures}: {words}.")


def _value(score: Score) -> str:
    low, high = score.interval
    known = f" \\[{number(low)}, {number(high)}]" if low == low else ""
    return f"[bold]{number(score.value)}[/bold]{known}"


def _pairs(names: Sequence[str], compared: Compared) -> Table:
    """All pairs by one measure, fitted and scored on the same samples."""
    title = f"{escape(compared.measure)}, all pairs, fitted and scored on the same samples"
    explains = "" if compared.symmetric else "; a row explains its columns"
    table = Table(title=f"{title}{explains}", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(escape(name), justify="right")
    for name, row in zip(names, compared.values.tolist()):
        table.add_row(escape(name), *map(number, row))
    return table


def _lags(lags: Mapping[str, LagSweep]) -> Table:
    """How far the lag alone moves each measure."""
    best = ", ".join(f"{label} {sweep.best_s:+.3g} s" for label, sweep in lags.items())
    caption = f"fitted and scored on the same samples; most alike on average at {best}"
    table = Table(title="Lags", title_justify="left", caption=caption, caption_justify="left")
    table.add_column("measure", no_wrap=True)
    table.add_column("activity")
    for heading in ("lags (s)", "smallest", "largest"):
        table.add_column(heading, justify="right")
    for label, sweep in lags.items():
        for name, values in sweep.values.items():
            extremes = [
                f"{number(float(values[i]))} at {sweep.lag_s[i]:+.3g} s" for i in (values.argmin(), values.argmax())
            ]
            table.add_row(label, escape(name), f"{sweep.lag_s[0]:+.3g} to {sweep.lag_s[-1]:+.3g}", *extremes)
    return table
