"""One arm as it is run: which recipe, which seeds, which trials, in which folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.study import Arm, Study
from neurodyn.reproduction.task import Task


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
    baselines: Path
    """Folder of the baselines that all runs of the study share."""

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
            baselines=out / "baselines",
        )

    def run(self, seed: int) -> Path:
        """Folder of one run."""
        return self.folder / f"seed{seed}"

    def tasks(self, targets: Path | None = None) -> list[Task]:
        """One for each seed; `targets` are a benchmark's published ones, to score against."""
        return [
            Task(
                arm=self.arm.path,
                recipe=self.recipe,
                limit=self.limit,
                seed=seed,
                folder=self.run(seed),
                baselines=self.baselines,
                scores=tuple(self.arm.published),
                targets=targets,
            )
            for seed in self.seeds
        ]

    @property
    def length(self) -> int:
        """How long its runs take, roughly: epochs, or 0 where nothing is iterated."""
        return 0 if self.once else self.recipe.plan().train.epochs

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
