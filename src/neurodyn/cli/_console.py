"""What people read, on stderr: tables of scores and a line while something slow runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from neurodyn.metrics.base import Score
from neurodyn.metrics.latent_use import in_words

_WIDE = 120
"""Columns from which on every baseline has a column of its own."""
_SMALL = 0.005
"""Below this a score is printed with two digits, however small."""
_NOTHING = "Hold out units (--data.heldout 0.25), add behaviour or predict forward bins."


def console() -> Console:
    """A console on stderr, so that stdout stays for machines; what goes to a file is wide enough for tables."""
    out = Console(stderr=True)
    return out if out.is_terminal else Console(stderr=True, width=_WIDE)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Shows a spinner on a terminal (one plain line elsewhere) while something slow runs."""
    out = console()
    if out.is_terminal:
        with out.status(what):
            yield
    else:
        out.print(what)
        yield


def print_json(value: Any) -> None:
    """One JSON object on stdout; numbers that are not finite become null."""
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists, null for numbers that are not finite."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_scores(scores: Sequence[Score], title: str, nothing: str = _NOTHING) -> None:
    """Scores with their intervals, baselines and ceilings: one row a score; where there is none, what to do about it."""
    out = console()
    if not scores:
        out.print(f"{title}: nothing to score. {nothing}", highlight=False, soft_wrap=True)
        return
    names = list(dict.fromkeys(name for score in scores for name in score.baselines))
    wide = out.width >= _WIDE
    over = dict.fromkeys(f"{score.n} {_resampled(score)}" for score in scores)
    table = Table(title=title, title_justify="left", caption=f"95 % bootstrap intervals over {' or '.join(over)}")
    table.add_column("score", no_wrap=True)
    table.add_column("value [interval]", no_wrap=True)
    for heading in names if wide else ["baselines"]:
        table.add_column(heading, justify="right" if wide else "left")
    table.add_column("ceiling", justify="right")
    for score in scores:
        low, high = score.interval
        each = [number(score.baselines[name]) if name in score.baselines else "" for name in names]
        beside = each if wide else ["\n".join(f"{name} {value}" for name, value in zip(names, each) if value)]
        ceiling = "" if score.ceiling is None else number(score.ceiling)
        table.add_row(
            score.name, f"[bold]{number(score.value)}[/bold] \\[{number(low)}, {number(high)}]", *beside, ceiling
        )
    out.print(table)
    for score in scores:
        if score.name == "latent_use":
            out.print(in_words(score), highlight=False, soft_wrap=True)
    if any(score.context.get("held_out") is False for score in scores):
        out.print("Not of held-out data: the test trials are those of training.", highlight=False, soft_wrap=True)


def number(value: float) -> str:
    """Three decimals, or two digits of a smaller number."""
    return f"{value:.3f}" if not 0 < abs(value) < _SMALL else f"{value:.2g}"


def _resampled(score: Score) -> str:
    """What the score's interval resamples."""
    return str(score.context.get("interval", "test trials")).removeprefix("95 % bootstrap over ")
