"""What a run keeps so that it can be compared with other runs on the same trials: its scores under every bootstrap draw, and its validation score."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurodyn.data.writing import written_whole
from neurodyn.metrics.base import Score

FILE = "draws.npz"
_VALID = "valid"

Key = tuple[str, str]
"""Name and session of a score."""


@dataclass(frozen=True, eq=False)
class Comparable:
    """The draws of a run's scores, and its score on the validation trials."""

    drawn: Mapping[Key, np.ndarray] = field(default_factory=dict)
    """By score, `(draw,)`."""
    valid: float | None = None
    """`Estimator.score` of the validation trials, by which arms may be chosen."""

    @staticmethod
    def read(run: Path) -> Comparable:
        """Of a run's folder; nothing where it was not kept."""
        if not (run / FILE).is_file():
            return Comparable()
        with np.load(run / FILE) as file:
            drawn = {_key(name): file[name] for name in file.files if name != _VALID}
            return Comparable(drawn, float(file[_VALID]))

    @staticmethod
    def write(run: Path, scores: Sequence[Score], valid: float) -> None:
        """Into a run's folder."""
        drawn = {"/".join(key_of(score)): score.drawn for score in scores if score.drawn is not None}
        with written_whole(run / FILE) as beside, beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **drawn, **{_VALID: np.array(valid)})

    def given_to(self, scores: Sequence[Score]) -> list[Score]:
        """The scores with their draws."""
        return [dataclasses.replace(score, drawn=self.drawn.get(key_of(score))) for score in scores]


def key_of(score: Score) -> Key:
    """What tells a run's scores apart."""
    return score.name, str(score.context.get("session", ""))


def _key(name: str) -> Key:
    measure, _, session = name.partition("/")
    return measure, session
