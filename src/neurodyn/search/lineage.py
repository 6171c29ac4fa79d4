"""The table of who was trained with what, from whose weights, and how far it got: one row a member and generation."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from neurodyn.data.writing import written_whole
from neurodyn.search.space import Values

Event = Literal["start", "continue", "exploit", "replace"]


@dataclass(frozen=True)
class Birth:
    """How a member begins a generation."""

    member: int
    parent: int | None
    """Whose weights and optimiser it begins with: its own where it goes on, None at the start."""
    values: Values
    """What it trains with in this generation."""
    event: Event
    """`start`; `continue`: goes on; `exploit`: lost, and copies the winner; `replace`: failed, and copies a winner."""


@dataclass(frozen=True)
class Row(Birth):
    """How a member ended a generation."""

    generation: int = 0
    epoch: int | None = None
    """Epochs it has behind it, its parents' included; None where it failed."""
    score: float = math.nan
    """Smoothed validation score at the end of the generation, higher is better; NaN where it failed."""
    best_score: float = math.nan
    """Validation score of the weights it would end with; NaN where no epoch has counted yet."""
    ended: str = ""
    """Why it trains no further: `failed: ...`, `stopped early`, `patience`, `epochs`; empty where it goes on."""

    @property
    def failed(self) -> bool:
        return self.ended.startswith("failed")


@dataclass(frozen=True)
class Lineage:
    """The rows of a study's folder, and the files they are kept in."""

    folder: Path
    rows: tuple[Row, ...] = field(default=())

    @staticmethod
    def read(folder: Path) -> Lineage:
        """The rows of `lineage.jsonl`; none before the first generation ended."""
        path = folder / "lineage.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return Lineage(folder, tuple(_row(json.loads(line)) for line in lines))

    def added(self, rows: Sequence[Row]) -> Lineage:
        """With the rows of one more generation, written to `lineage.jsonl` (whole, or not at all) and `lineage.csv`."""
        import pandas as pd

        found = Lineage(self.folder, (*self.rows, *rows))
        with written_whole(self.folder / "lineage.csv") as beside:
            tables = [{**_mapping(row), "values": None, **row.values} for row in found.rows]
            pd.DataFrame(tables).drop(columns="values").to_csv(beside, index=False)
        with written_whole(self.folder / "lineage.jsonl") as beside:
            beside.write_text("".join(json.dumps(_mapping(row)) + "\n" for row in found.rows))
        return found

    @property
    def generations(self) -> int:
        """How many have ended."""
        return max((row.generation for row in self.rows), default=-1) + 1

    def of(self, generation: int) -> list[Row]:
        """The rows of one generation, by member."""
        return sorted((row for row in self.rows if row.generation == generation), key=lambda row: row.member)

    @property
    def best_scores(self) -> list[float]:
        """The best smoothed score of each generation."""
        scores = [[row.score for row in self.of(g) if not row.failed] for g in range(self.generations)]
        return [max(each) for each in scores if each]


@dataclass(frozen=True)
class Stretch:
    """Part of a schedule: the values that held between two epochs."""

    first_epoch: int
    last_epoch: int
    """The epoch after the last it holds for."""
    member: int
    """Who was trained."""
    values: Values


def schedule_of(lineage: Lineage, member: int) -> list[Stretch]:
    """The hyperparameters that a member's final weights were trained with, epoch by epoch, through all whose weights it took over.

    Args:
        lineage: of the study.
        member: whose weights.
    """
    mine = {(row.generation, row.member): row for row in lineage.rows}
    place = max(generation for generation, who in mine if who == member)
    found: list[Stretch] = []
    who: int | None = member
    while who is not None and place >= 0:
        row = mine[place, who]
        before = mine.get((place - 1, row.parent if row.parent is not None else -1))
        first = before.epoch or 0 if before is not None else 0
        if found and (found[-1].member, found[-1].values) == (who, row.values):
            found[-1] = dataclasses.replace(found[-1], first_epoch=first)
        elif row.epoch is not None:
            found.append(Stretch(first, row.epoch, who, row.values))
        who, place = row.parent, place - 1
    return found[::-1]


def _mapping(row: Row) -> dict[str, Any]:
    order = ("generation", "member", "parent", "epoch", "values", "score", "best_score", "event", "ended")
    plain = dataclasses.asdict(row)
    return {name: _finite(plain[name]) for name in order}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(values: dict[str, Any]) -> Row:
    return Row(**{**values, **{n: math.nan if values[n] is None else values[n] for n in ("score", "best_score")}})
