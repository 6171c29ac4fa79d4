"""One arm as it is run: which recipe, which seeds, which trials, in which folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurodyn import api, registry
from neurodyn.config import from_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.study import Arm, Study


@dataclass(frozen=True)
class Job:
    """One arm as it is run: quick or full, with its seeds."""

    arm: Arm
    recipe: Recipe
    """With what `--quick` changes, where it was asked for."""
    changes: tuple[str, ...]
    """What that was."""
    limit: int | None
    """Most trials of each split."""
    seeds: tuple[int, ...]
    once: bool
    """Whether nothing is drawn, so that one run says all: the model is solved for in closed form."""
    folder: Path

    @staticmethod
    def of(study: Study, arm: Arm, out: Path, *, quick: bool, seeds: int, test: bool = False) -> Job:
        """What to run of an arm.

        Args:
            study, arm: the arm and the study it is run for.
            out: the study's folder.
            quick: with the changes the recipe lists.
            seeds: how many, where anything is drawn.
            test: in phase test of a benchmark, whatever the recipe says.

        Raises:
            UnknownName, InvalidInput: the recipe names what does not exist; data without a phase test.
        """
        recipe = arm.recipe.quickened() if quick else arm.recipe
        if test:
            if not _has_phases(recipe.source):
                raise InvalidInput("targets", f"{arm.path}, whose data have no phase test", "arms of a benchmark")
            recipe = dataclasses.replace(recipe, data={**recipe.data, "options": {**recipe.options, "phase": "test"}})
        once = not recipe.plan().build_rule().iterative
        return Job(
            arm=arm,
            recipe=recipe,
            changes=arm.recipe.quick.changes if quick else (),
            limit=arm.recipe.quick.trials if quick else None,
            seeds=tuple(range(recipe.seed, recipe.seed + (1 if once else seeds))),
            once=once,
            folder=out / study.below(arm),
        )

    def run(self, seed: int) -> Path:
        """Folder of one run."""
        return self.folder / f"seed{seed}"

    @property
    def data(self) -> str:
        """The same for arms on the same trials."""
        return json.dumps([self.recipe.source, self.recipe.options, self.limit], sort_keys=True, default=str)

    def load(self) -> Trials | list[Trials]:
        """The trials, at most `limit` of each split."""
        return limited(api.load(self.recipe.source, **self.recipe.options), self.limit)

    def check_present(self) -> None:
        """Whether the data are on this machine; nothing is read.

        Raises:
            MissingData: they are not; the message says how to get them.
        """
        source = self.recipe.source
        if source in registry.names("datasets"):
            cls = registry.load("datasets", source)
            cls(from_dict(cls.Config, self.recipe.options, "data")).check_present()
        elif not Path(source).is_file():
            raise MissingData(f"there is no file {source}, and no data set is called so.")


def _has_phases(source: str) -> bool:
    if source not in registry.names("datasets"):
        return False
    return any(field.name == "phase" for field in dataclasses.fields(registry.load("datasets", source).Config))


def check_data(jobs: Sequence[Job]) -> None:
    """Whether the data of every arm are on this machine.

    Raises:
        MissingData: naming each arm whose data are absent, and how to get them.
    """
    absent: dict[str, list[str]] = {}
    for job in jobs:
        try:
            job.check_present()
        except MissingData as missing:
            absent.setdefault(str(missing), []).append(job.arm.path)
    if absent:
        raise MissingData("\n".join(f"{', '.join(arms)}: {missing}" for missing, arms in absent.items()))


def limited(trials: Trials | list[Trials], limit: int | None) -> Trials | list[Trials]:
    """At most so many trials of each split, spread evenly. They are no longer the trials of their source, so that is taken off them."""
    if limit is None:
        return trials
    return [_few(each, limit) for each in trials] if isinstance(trials, list) else _few(trials, limit)


def _few(trials: Trials, limit: int) -> Trials:
    splits = trials.table["split"].to_numpy() if "split" in trials.table else np.full(len(trials), "train")
    kept: list[int] = []
    for split in np.unique(splits):
        rows = np.flatnonzero(splits == split)
        kept += rows[np.linspace(0, len(rows) - 1, min(limit, len(rows))).round().astype(int)].tolist()
    provenance = {name: value for name, value in trials.provenance.items() if name not in ("source", "options")}
    return dataclasses.replace(trials.select(np.sort(kept)), provenance=provenance)
