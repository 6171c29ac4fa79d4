"""One arm as it is run: which recipe, which seeds, which trials, in which folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.study import Arm, Study
from neurodyn.reproduction.task import Ran, Task


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
    teachers: tuple[Job, ...] = ()
    """Whose runs teach its runs, and have to be there first."""

    @staticmethod
    def of(
        study: Study,
        arm: Arm,
        out: Path,
        *,
        quick: bool,
        seeds: int,
        test: bool = False,
        teachers: Sequence[Job] = (),
    ) -> Job:
        """What to run of an arm.

        Args:
            study, arm: the arm and the study it is run for.
            out: the study's folder.
            quick: with the changes the recipe lists.
            seeds: how many, where anything is drawn.
            test: in phase test of a benchmark, whatever the recipe says.
            teachers: the jobs of the arms that teach it.

        Raises:
            UnknownName, InvalidInput: the recipe names what does not exist; data without a phase test; a teacher that is trained on other trials or
                begins with another seed.
        """
        recipe = arm.recipe.quickened() if quick else arm.recipe
        if test:
            if not _has_phases(recipe.source):
                raise InvalidInput("targets", f"{arm.path}, whose data have no phase test", "arms of a benchmark")
            recipe = dataclasses.replace(recipe, data={**recipe.data, "options": {**recipe.options, "phase": "test"}})
        once = not (recipe.plan().build_rule().iterative or recipe.new_data)
        limit = arm.recipe.quick.trials if quick else None
        for teacher in teachers:
            theirs = teacher.recipe
            if (theirs.source, theirs.options, theirs.new_data, theirs.unlabelled, teacher.limit) != (
                recipe.source,
                recipe.options,
                recipe.new_data,
                recipe.unlabelled,
                limit,
            ):
                raise InvalidInput(
                    f"{arm.path}: teacher", f"{teacher.arm.path}, trained on other trials", "one with the same `data`"
                )
            if not teacher.once and theirs.seed != recipe.seed:
                got = f"{teacher.arm.path}, which begins with seed {theirs.seed}"
                raise InvalidInput(f"{arm.path}: teacher", got, f"seed {recipe.seed}, as its student has")
        return Job(
            arm=arm,
            recipe=recipe,
            changes=arm.recipe.quick.changes if quick else (),
            limit=limit,
            seeds=tuple(range(recipe.seed, recipe.seed + (1 if once else seeds))),
            once=once,
            folder=out / study.below(arm),
            baselines=out / "baselines",
            teachers=tuple(teachers),
        )

    def run(self, seed: int) -> Path:
        """Folder of one run."""
        return self.folder / f"seed{seed}"

    def tasks(self, targets: Path | None = None) -> list[Task]:
        """One for each seed; `targets` are a benchmark's published ones, to score against. A teacher that is run once teaches every seed."""
        return [
            Task(
                arm=self.arm.path,
                recipe=self._recipe(seed),
                limit=self.limit,
                seed=seed,
                folder=self.run(seed),
                baselines=self.baselines,
                scores=tuple(self.arm.published),
                targets=targets,
                compared=bool(self.arm.reference),
            )
            for seed in self.seeds
        ]

    def _recipe(self, seed: int) -> Recipe:
        """What one of its runs is made with."""
        drawn = self.recipe.drawn_for(seed)
        return drawn.taught_by(self.taught_by(seed)) if self.teachers else drawn

    def taught_by(self, seed: int) -> list[Path]:
        """Folders of the runs that teach one of its runs, as they are recorded: whole paths, whatever folder the study is run from."""
        return [job.run(job.seed_for(seed)).resolve() for job in self.teachers]

    def seed_for(self, seed: int) -> int:
        """Which of its runs goes with another arm's run of a seed: the same, or the only one."""
        return self.seeds[0] if self.once else seed

    def ran(self, runs: Mapping[tuple[str, int], Ran]) -> dict[int, Ran]:
        """What came of those of its runs that did not fail, by seed, from what came of all runs by arm and seed."""
        return {seed: runs[self.arm.path, seed] for seed in self.seeds if (self.arm.path, seed) in runs}

    @property
    def depth(self) -> int:
        """How many arms have to be trained one after another before it."""
        return 1 + max(job.depth for job in self.teachers) if self.teachers else 0

    @property
    def rule(self) -> str:
        """Name of the learning rule."""
        return self.recipe.plan().rule

    @property
    def length(self) -> int:
        """How long its runs take, roughly: epochs, or 0 where nothing is iterated."""
        return 0 if self.once else self.recipe.plan().train.epochs

    def check_present(self) -> None:
        """Whether the data are on this machine; nothing is read.

        Raises:
            MissingData: they are not; the message says how to get them.
        """
        if self.recipe.evaluate.similarity is not None:
            self.recipe.evaluate.similarity.check_present()
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


def without_data(jobs: Sequence[Job]) -> dict[str, str]:
    """Folders with arms whose data are not on this machine, and how to get them; arms of a folder belong together.

    Raises:
        MissingData: that is so of every folder; each arm whose data are absent is named.
    """
    absent: dict[str, dict[str, list[str]]] = {}
    for job in jobs:
        try:
            job.check_present()
        except MissingData as missing:
            absent.setdefault(job.arm.folder, {}).setdefault(str(missing), []).append(job.arm.path)
    found = {
        folder: "\n".join(f"{', '.join(arms)}: {missing}" for missing, arms in each.items())
        for folder, each in absent.items()
    }
    if found and set(found) == {job.arm.folder for job in jobs}:
        raise MissingData("\n".join(found.values()))
    return found
