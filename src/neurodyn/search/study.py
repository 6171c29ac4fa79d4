"""A search's folder: what was asked, the lineage, a run for every member, and the best of them as a run of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput
from neurodyn.search.lineage import Lineage, Row, Stretch, schedule_of
from neurodyn.training.run import Run

_MAY_CHANGE = ("generations",)
"""Of `search`, in a search that is resumed."""


class Study:
    """A search on disk: `search.yaml`, `lineage.jsonl` and `.csv`, `members/000` ... and `best`, which is a run like any other."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def open(path: str | Path) -> Study:
        """A folder that a search has written.

        Raises:
            InvalidInput: it holds no `search.yaml`.
        """
        if not (Path(path) / "search.yaml").is_file():
            raise InvalidInput("study", str(path), "a search's folder (one that holds search.yaml)")
        return Study(Path(path))

    @staticmethod
    def create(path: str | Path, asked: Mapping[str, Any], *, resume: bool = False) -> Study:
        """A new folder; with `resume` also one in which the same search has begun.

        Raises:
            InvalidInput: the folder holds something and `resume` is false, or holds another search; it cannot be made.
        """
        study = Study(Path(path))
        begun = (study.path / "search.yaml").is_file()
        try:
            used = study.path.exists() and (not study.path.is_dir() or any(study.path.iterdir()))
            if used and not (begun and resume):
                fix = "Continue it with --resume (resume=True)" if begun else "Give another --out (out=)"
                raise InvalidInput("out", f"{path}, which is not empty", "a new or empty folder", f"{fix}.")
            (study.path / "members").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput("out", f"{path}: {error.strerror}", "a folder that can be written") from error
        said = json.loads(json.dumps(asked, default=str))
        if begun:
            study._check_same(said)
        with written_whole(study.path / "search.yaml") as beside:
            beside.write_text(yaml.safe_dump(said, sort_keys=False, default_flow_style=None))
        return study

    def _check_same(self, said: Mapping[str, Any]) -> None:
        before = self.asked
        for name in said:
            ours, theirs = (
                {k: v for k, v in dict(each.get(name) or {}).items() if k not in _MAY_CHANGE} for each in (before, said)
            )
            differing = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
            if differing:
                key = differing[0]
                raise InvalidInput(
                    f"{name}.{key}",
                    theirs.get(key),
                    f"{ours.get(key)}, as {self.path} was begun with",
                    "Resume with the same settings, or start anew in another folder.",
                )

    @property
    def asked(self) -> dict[str, Any]:
        """What `search.yaml` says: `search`, `plan`, `space`, `data`."""
        return dict(yaml.safe_load((self.path / "search.yaml").read_text()))

    @property
    def lineage(self) -> Lineage:
        """Who was trained with what, from whose weights, and how far it got."""
        return Lineage.read(self.path)

    def folder(self, member: int) -> Path:
        """Of a member's run."""
        return self.path / "members" / f"{member:03d}"

    # -- the best ---------------------------------------------------------------------------------------------------

    @property
    def best(self) -> Path:
        """The best member's run.

        Raises:
            InvalidInput: the search has not ended.
        """
        path = self.path / "best"
        if not path.is_dir():
            raise InvalidInput("study", f"{self.path}, which has not ended", "a finished search", "Resume it.")
        return path

    @property
    def winner(self) -> Row:
        """The last row of the best member: by smoothed score where members exchanged weights, else by the score of the weights kept."""
        rows = self.lineage.rows
        last = {row.member: row for row in rows}
        exchanged = self.asked["search"]["algorithm"] == "population"
        return best_of(list(last.values()), smoothed=exchanged)

    @property
    def schedule(self) -> list[Stretch]:
        """The hyperparameters that the best weights were trained with, epoch by epoch."""
        return schedule_of(self.lineage, self.winner.member)

    def keep_best(self) -> None:
        """Copies the winner's run to `best`."""
        new, place = self.path / ".best.part", self.path / "best"
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(
            self.folder(self.winner.member), new, ignore=shutil.ignore_patterns("member.json", "failure.txt", ".*")
        )
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)

    def discard(self) -> None:
        """Takes back a folder in which no member could be trained, so that the next attempt finds it unused."""
        for member in (self.path / "members").iterdir():
            shutil.rmtree(member)
        (self.path / "members").rmdir()
        (self.path / "search.yaml").unlink()
        if not any(self.path.iterdir()):
            self.path.rmdir()

    # -- members ----------------------------------------------------------------------------------------------------

    def placed(self, member: int) -> int:
        """The generation that a member's folder is ready for, or in; -1 before the first."""
        path = self.folder(member) / "member.json"
        return int(json.loads(path.read_text())["generation"]) if path.exists() else -1

    def place(self, member: int, generation: int, parent: int | None, config: Mapping[str, Any]) -> None:
        """Makes a member's folder ready for a generation; where that was done before a kill, nothing is copied again.

        Args:
            member: whose folder.
            generation: about to begin.
            parent: whose checkpoint it takes over; None or itself goes on with its own.
            config: of the run.
        """
        folder = self.folder(member)
        folder.mkdir(exist_ok=True)
        if parent is None or parent == member or self.placed(member) >= generation:
            Run(folder).begin(config)
        else:
            Run(folder).take_over(Run(self.folder(parent)), config)
        with written_whole(folder / "member.json") as beside:
            beside.write_text(json.dumps({"generation": generation, "parent": parent}))


def best_of(rows: Sequence[Row], *, smoothed: bool) -> Row:
    """The row of the best member that did not fail.

    Args:
        rows: one a member, at least one of them with a score.
        smoothed: by the smoothed score, of members that have trained equally long; else by the score of the weights kept, where any epoch counted.
    """
    live = [row for row in rows if not row.failed]
    counted = [row for row in live if row.best_score == row.best_score]
    if smoothed or not counted:
        return max(live, key=lambda row: row.score)
    return max(counted, key=lambda row: row.best_score)
