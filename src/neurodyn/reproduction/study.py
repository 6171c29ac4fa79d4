"""A study: a folder of recipes below `recipes/`, each an arm, with the values that were published for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.reproduction import expected
from neurodyn.reproduction.expected import Published, Statistic
from neurodyn.reproduction.recipe import Recipe


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


@dataclass(frozen=True)
class Study:
    """Some arms: one, those of a data set, or of several data sets."""

    name: str
    """Folder below `recipes/`, or the one arm: `nlb`, `nlb/mc_maze_small`, `nlb/mc_maze_small/smoothing`."""
    arms: tuple[Arm, ...]

    @staticmethod
    def find(name: str) -> Study:
        """The study of that name.

        Raises:
            UnknownName: there is none; the nearest are suggested.
            InvalidInput: its recipes or its `expected.json` cannot be used.
        """
        name = name.strip("/")
        known = arm_files()
        wanted = {arm: path for arm, path in known.items() if arm == name or arm.startswith(f"{name}/")}
        if not wanted:
            raise UnknownName("study", name, names())
        return Study(name, tuple(_arm(arm, path) for arm, path in wanted.items()))

    def below(self, arm: Arm) -> str:
        """The arm's name within the study; empty where it is the study."""
        return arm.path.removeprefix(self.name).strip("/")

    def left_out(self, *, quick: bool) -> tuple[Arm, ...]:
        """The arms whose recipes leave them out of `--quick`; an arm that is asked for by its own name is not left out."""
        return tuple(arm for arm in self.arms if quick and arm.recipe.quick.skip and arm.path != self.name)


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
    published = expected.read(path.with_name(expected.FILE))
    for arm in published.arms:
        if not path.with_name(f"{arm}.yaml").is_file():
            raise InvalidInput(
                f"{path.with_name(expected.FILE)}: arms.{arm}", "an arm without a recipe", f"{arm}.yaml beside it"
            )
    if path.stem not in published.arms:
        raise InvalidInput(
            str(path.with_name(expected.FILE)), f"no arm {path.stem}", f"an arm for each recipe beside it ({path.name})"
        )
    return Arm(name, Recipe.read(path), published.arms[path.stem], published.statistic)
