"""The members of a search and the engine that trains them, and the two ways to take them from start to end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.writing import written_whole
from neurodyn.engines.base import Engine, Failure
from neurodyn.errors import InvalidInput, NeurodynError
from neurodyn.search.config import SearchConfig
from neurodyn.search.evolution import converged, exchanged
from neurodyn.search.lineage import Birth, Lineage, Row
from neurodyn.search.member import Arrived, Leg, train
from neurodyn.search.progress import SearchBar
from neurodyn.search.space import Space, varied
from neurodyn.search.study import Study
from neurodyn.training.keys import Stream, key
from neurodyn.training.plan import Plan

_DRAWS, _EXCHANGES = 0, 1
"""What random numbers are for: no two uses share any."""


class MembersFailed(NeurodynError):
    """Every member of a search failed; the message ends with the traceback of the first."""


@dataclass(frozen=True, eq=False)
class Team:
    """All that the two algorithms share."""

    study: Study
    config: SearchConfig
    """With its defaults filled in."""
    plan: Plan
    """What members differ from by their values and seeds."""
    space: Space
    record: Mapping[str, Any]
    """`data` and `spec` of every member's `config.yaml`."""
    data: Path
    """Folder of the trials."""
    engine: Engine
    bar: SearchBar

    def population(self) -> Lineage:
        """Population-based training from wherever the lineage stands to its end."""
        lineage = self.study.lineage
        last = self.config.generations or 0
        while (now := lineage.generations) <= last and not converged(lineage.best_scores[1:]):
            births = self.first_births() if now == 0 else self._births(lineage.of(now - 1), now)
            found = self._train(births, now, self.config.milestone(now), f"generation {now}/{last}")
            lineage = lineage.added([_row(birth, now, found[birth.member]) for birth in births])
            self._report(lineage, births, f"generation {now}")
        return lineage

    def random(self) -> Lineage:
        """Random search, likewise."""
        lineage = self.study.lineage
        rungs = self.config.rungs(self.plan.train.epochs)
        for now in range(lineage.generations, len(rungs)):
            going = [] if now == 0 else [row for row in lineage.of(now - 1) if not row.ended]
            births = [Birth(row.member, row.member, row.values, "continue") for row in going]
            if now == 0:
                births = self.first_births()
            if not births:
                break
            found = self._train(births, now, rungs[now], f"stage {now + 1}/{len(rungs)}")
            rows = [_row(birth, now, found[birth.member]) for birth in births]
            lineage = lineage.added(rows if rungs[now] is None else _halved(rows))
            self._report(lineage, births, f"stage {now + 1}")
        return lineage

    def first_births(self) -> list[Birth]:
        """Every member with its start values; the same whenever it is asked.

        Raises:
            InvalidInput: values drawn together that the plan does not take.
        """
        births = []
        for member in range(self.config.population):
            values = self.space.drawn(self._generator(_DRAWS, member))
            varied(self.plan, values)
            births.append(Birth(member, None, values, "start"))
        return births

    def _births(self, before: Sequence[Row], generation: int) -> list[Birth]:
        values = {row.member: row.values for row in before}
        births = exchanged(before, self.space, self._generator(_EXCHANGES, generation))
        return [self._allowed(birth, values) for birth in births]

    def _allowed(self, birth: Birth, before: Mapping[int, Any]) -> Birth:
        """With the parent's own values where the plan does not take the explored ones."""
        try:
            varied(self.plan, birth.values)
        except InvalidInput:
            return dataclasses.replace(birth, values=before[birth.parent])  # type: ignore[index]  # it has a parent
        return birth

    def _train(
        self, births: Sequence[Birth], generation: int, until: int | None, what: str
    ) -> dict[int, Arrived | Failure]:
        """Takes every member to the end of a generation. All are placed before the first trains: a parent is copied as it was.

        Raises:
            MembersFailed: all of them failed, and nobody else is left to take the place.
        """
        for birth in births:
            plan = dataclasses.replace(varied(self.plan, birth.values), seed=self.plan.seed + birth.member)
            config = {**plan.as_mapping(), **self.record}
            self.study.place(birth.member, generation, birth.parent, config)
        folders = [self.study.folder(birth.member) for birth in births]
        self.bar.begin(what, folders, until or self.plan.train.epochs)
        found: dict[int, Arrived | Failure] = {}
        first: Failure | None = None
        for done in self.engine.results(train, [Leg(folder, self.data, until) for folder in folders]):
            member = births[done.index].member
            found[member] = done.value if done.failure is None else done.failure
            if done.failure is not None:
                first = first or done.failure
                self.bar.say(f"member {member:03d} failed: {done.failure.message}")
                with written_whole(folders[done.index] / "failure.txt") as beside:
                    beside.write_text(f"{done.failure}\n")
            scores = {m: each.score for m, each in found.items() if isinstance(each, Arrived)}
            if scores:
                ahead = max(scores, key=lambda m: scores[m])
                self.bar.best(f"{len(found)}/{len(births)} members, best {scores[ahead]:.4f} ({ahead:03d})")
        last_hope = (
            self.config.algorithm == "population" or generation == 0
        )  # else members that stopped early have scores
        if first is not None and last_hope and all(isinstance(each, Failure) for each in found.values()):
            raise MembersFailed(f"all {len(births)} members failed. The first: {first}")
        return found

    def _report(self, lineage: Lineage, births: Sequence[Birth], what: str) -> None:
        rows = lineage.of(lineage.generations - 1)
        live = [row for row in rows if not row.failed]
        best = max(live, key=lambda row: row.score, default=None)
        counts = {
            "exchanged": sum(birth.event == "exploit" for birth in births),
            "replaced": sum(birth.event == "replace" for birth in births),
            "failed": sum(row.failed for row in rows),
            "stopped early": sum(row.ended == "stopped early" for row in rows),
        }
        told = "".join(f", {number} {name}" for name, number in counts.items() if number)
        score = (
            "no score"
            if best is None
            else f"best score {best.score:.4f} (member {best.member:03d}, epoch {best.epoch})"
        )
        self.bar.say(f"{what}: {score}{told}")

    def _generator(self, *place: int) -> np.random.Generator:
        return np.random.default_rng(key(self.plan.seed, Stream.SEARCH, *place))


def _row(birth: Birth, generation: int, arrived: Arrived | Failure) -> Row:
    begun = {field.name: getattr(birth, field.name) for field in dataclasses.fields(Birth)}
    if isinstance(arrived, Failure):
        return Row(**begun, generation=generation, ended=f"failed: {arrived.message}")
    return Row(
        **begun,
        generation=generation,
        epoch=arrived.epoch,
        score=arrived.score,
        best_score=arrived.best_score if np.isfinite(arrived.best_score) else float("nan"),
        ended="" if arrived.stopped == "paused" else arrived.stopped,
    )


def _halved(rows: Sequence[Row]) -> list[Row]:
    """The worse half, rounded down, stopped early."""
    live = sorted((row for row in rows if not row.failed), key=lambda row: row.score)
    worse = {row.member for row in live[: len(live) // 2]}
    return [
        dataclasses.replace(row, ended="stopped early") if row.member in worse and not row.ended else row
        for row in rows
    ]
