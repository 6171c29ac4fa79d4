"""A study: a folder of recipes below `recipes/`, each an arm, with the values that were published for it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.reproduction import expected, recipe_file
from neurodyn.reproduction.expected import Published, Statistic
from neurodyn.reproduction.recipe import Recipe

Role = Literal["", "reference", "student", "compared", "control", "teacher"]
ROLES: tuple[Role, ...] = get_args(Role)
"""In the order of the table: what the others are compared with, what the study is about (students where arms are taught), controls, and what is trained to teach."""


@dataclass(frozen=True)
class Arm:
    """One recipe of a study, with the published value of each of its scores."""

    path: str
    """Its name below `recipes/`: `nlb/mc_maze_small/smoothing`."""
    recipe: Recipe
    published: Mapping[str, Published]
    """By score; these are the scores that a study reports."""
    statistic: Statistic = "mean"
    """What is made of its runs."""
    reference: str = ""
    """Path of the arm it is compared with, seed by seed; its own where it is that arm, empty where nothing is compared."""
    control: bool = False
    """Whether it is a control of the arms beside it."""
    among_taught: bool = False
    """Whether some arm of its folder is taught by another."""
    group: int = 0
    """Number of its reference among those of the folder, from 1: arms of a group stand together in the table."""

    @property
    def folder(self) -> str:
        """The arm's folder below `recipes/`."""
        return self.path.rpartition("/")[0]

    @property
    def teachers(self) -> tuple[str, ...]:
        """Paths of the arms whose runs teach it."""
        return tuple(f"{self.folder}/{name}" for name in self.recipe.teacher)

    @property
    def role(self) -> Role:
        """What it is for, where arms are compared; empty where they are not."""
        if not self.reference:
            return ""
        if self.path == self.reference:
            return "reference"
        if self.control:
            return "control"
        if not self.among_taught:
            return "compared"
        return "student" if self.recipe.teacher and not self.recipe.evaluate.privileged else "teacher"


@dataclass(frozen=True)
class Study:
    """Some arms: one, those of a data set, or of several data sets."""

    name: str
    """Folder below `recipes/`, or the one arm: `nlb`, `nlb/mc_maze_small`, `nlb/mc_maze_small/smoothing`."""
    arms: tuple[Arm, ...]
    teachers: tuple[Arm, ...] = ()
    """Arms that were not asked for, but teach one that was: trained, and not in the table."""

    @staticmethod
    def find(name: str) -> Study:
        """The study of that name.

        Raises:
            UnknownName: there is none; the nearest are suggested. Or an arm names a teacher that its folder does not hold.
            InvalidInput: its recipes or its `expected.json` cannot be used, or arms teach one another in a circle.
        """
        name = name.strip("/")
        known = arm_files()
        wanted = {arm: path for arm, path in known.items() if arm == name or arm.startswith(f"{name}/")}
        if not wanted:
            raise UnknownName("study", name, names())
        teaching = {arm.rpartition("/")[0] for arm, path in known.items() if _beside(arm, wanted) and _taught(path)}
        found = {arm: _arm(arm, path) for arm, path in wanted.items()}
        arms = {path: dataclasses.replace(arm, among_taught=arm.folder in teaching) for path, arm in found.items()}
        taught = with_teachers(arms, known)
        ordered = sorted(arms.values(), key=lambda arm: (arm.folder, arm.group, ROLES.index(arm.role), arm.path))
        return Study(name, tuple(ordered), tuple(arm for path, arm in taught.items() if path not in arms))

    def below(self, arm: Arm) -> str:
        """Where the arm's runs lie in the study's folder: its name within the study, empty where it is the study."""
        if arm in self.teachers:
            return f"teachers/{arm.path.rpartition('/')[2]}"
        return arm.path.removeprefix(self.name).strip("/")

    def left_out(self, *, quick: bool) -> tuple[Arm, ...]:
        """The arms whose recipes leave them out of `--quick`; an arm that is asked for by its own name is not left out."""
        return tuple(arm for arm in self.arms if quick and arm.recipe.quick.skip and arm.path != self.name)

    def trained_for(self, arms: Sequence[Arm]) -> tuple[Arm, ...]:
        """These arms and all that teach them, each after its teachers."""
        known = {arm.path: arm for arm in (*self.arms, *self.teachers)}
        found: dict[str, Arm] = {}

        def add(arm: Arm) -> None:
            for path in arm.teachers:
                add(known[path])
            found.setdefault(arm.path, arm)

        for arm in arms:
            add(arm)
        return tuple(found.values())


def with_teachers(arms: Mapping[str, Arm], files: Mapping[str, Path]) -> dict[str, Arm]:
    """Some arms with those that teach them, and those that teach these.

    Args:
        arms: by path.
        files: recipe of every arm there is.

    Raises:
        UnknownName: a teacher without a recipe.
        InvalidInput: arms that teach one another in a circle.
    """
    found = dict(arms)

    def visit(arm: Arm, above: tuple[str, ...]) -> None:
        if arm.path in above:
            circle = " <- ".join((*above[above.index(arm.path) :], arm.path))
            raise InvalidInput("recipe.teacher", circle, "arms that do not teach one another in a circle")
        for path in arm.teachers:
            if path not in files:
                beside = [other.rpartition("/")[2] for other in files if other.rpartition("/")[0] == arm.folder]
                raise UnknownName(f"teacher of {arm.path}", path.rpartition("/")[2], beside)
            if path not in found:
                found[path] = _arm(path, files[path])
            visit(found[path], (*above, arm.path))

    for arm in arms.values():
        visit(arm, ())
    return found


def names() -> list[str]:
    """Every name that `neurodyn reproduce` takes: folders with arms in or below them, and the arms."""
    found = set()
    for arm in arm_files():
        parts = arm.split("/")
        found |= {"/".join(parts[: i + 1]) for i in range(len(parts))}
    return sorted(found)


def arm_files() -> dict[str, Path]:
    """The recipe of each arm, by its name: every recipe that lies beside an `expected.json`."""
    found: dict[str, Path] = {}
    for folder in recipe_folders():
        for beside in sorted(folder.rglob(expected.FILE)):
            for path in sorted(beside.parent.glob("*.yaml")):
                found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return dict(sorted(found.items()))


def recipe_folders() -> list[Path]:
    """Where recipes are looked for: `NEURODYN_RECIPES` if set, then those that come with neurodyn.

    An installed wheel has them inside the package; a checkout has them beside `src`.
    """
    return list(_existing())


def _existing() -> Iterator[Path]:
    given = os.environ.get("NEURODYN_RECIPES")
    if given:
        if not Path(given).is_dir():
            raise InvalidInput("NEURODYN_RECIPES", given, "a folder of recipes")
        yield Path(given)
    package = Path(str(files("neurodyn")))
    for folder in (package / "recipes", package.parents[1] / "recipes"):
        if folder.is_dir():
            yield folder
            return


def _arm(name: str, path: Path) -> Arm:
    file = path.with_name(expected.FILE)
    known = expected.read(file)
    for field in ("arms", "compare_with", "controls"):
        for named in getattr(known, field):
            if not path.with_name(f"{named}.yaml").is_file():
                raise InvalidInput(f"{file}: {field}.{named}", "an arm without a recipe", f"{named}.yaml beside it")
    reported = known.of(path.stem)
    if reported is None:
        raise InvalidInput(str(file), f"no arm {path.stem}", f"an arm for each recipe beside it ({path.name})")
    arm = Arm(
        path=name,
        recipe=Recipe.read(path),
        published=reported,
        statistic=known.statistic,
        control=path.stem in known.controls,
    )
    if not known.compare_with:
        return arm
    reference = _reference(path, arm.recipe.model, known.compare_with)
    return dataclasses.replace(
        arm, reference=f"{arm.folder}/{reference}", group=known.compare_with.index(reference) + 1
    )


def _beside(arm: str, others: Iterable[str]) -> bool:
    """Whether an arm lies in the folder of one of the others."""
    return arm.rpartition("/")[0] in {other.rpartition("/")[0] for other in others}


def _taught(path: Path) -> bool:
    return bool(recipe_file.read(path).get("teacher"))


def _reference(path: Path, model: str, references: Sequence[str]) -> str:
    """What an arm is compared with: itself where it is one of the references, the one of its model, or the first."""
    if path.stem in references:
        return path.stem
    of_model = (name for name in references if Recipe.read(path.with_name(f"{name}.yaml")).model == model)
    return next(of_model, references[0])
