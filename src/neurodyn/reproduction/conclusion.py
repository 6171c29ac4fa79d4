"""What a study with controls comes to: one sentence a score, made from its intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neurodyn.reproduction.paired import Paired

Verdict = Literal["explained", "unexplained", "uncontrolled", "none", "worse"]
"""`explained`: better than the reference and than every control. `unexplained`: better than the reference, but not than every control; `uncontrolled`: there is
none, or one could not be run. `none`: not distinguishable from the reference. `worse`: behind it."""


@dataclass(frozen=True)
class Conclusion:
    """The arm that was chosen on validation trials, beside the reference and the controls, by one score on test trials."""

    score: str
    session: str
    """Empty where there is one."""
    best: str
    """Path of the arm with the best validation score of those that are neither reference nor control nor teacher."""
    valid: Mapping[str, float]
    """Validation score of every arm it was chosen from, mean over seeds."""
    over: Mapping[str, Paired]
    """Its differences from the reference and from every control that was run, by path; the reference first."""
    missing: tuple[str, ...]
    """Controls that could not be run."""
    verdict: Verdict
    sentence: str

    def as_mapping(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {**dataclasses.asdict(self), "over": {path: each.as_mapping() for path, each in self.over.items()}}


def concluded(
    score: str,
    session: str,
    direction: Literal["higher", "lower"],
    valid: Mapping[str, float],
    over: Mapping[str, Paired],
    missing: Sequence[str] = (),
) -> Conclusion:
    """The conclusion of one score.

    Args:
        score, session: what it is drawn from.
        direction: of the score.
        valid: validation score of every arm to choose from, by path.
        over: differences of the best of them from the reference, which comes first, and from the controls.
        missing: paths of controls that could not be run.
    """
    best = max(valid, key=lambda path: valid[path])
    (reference, first), *controls = over.items()
    standing = first.standing(direction)
    level = [path for path, each in controls if each.standing(direction) != "better"]
    differences = "; ".join(f"over {_short(path)} {_text(each)}" for path, each in over.items())
    verdict: Verdict
    if standing == "worse":
        verdict, said = "worse", f"worse than {_short(reference)}"
    elif standing == "open":
        verdict, said = "none", "no gain here that can be told from chance"
    elif level:
        verdict, said = (
            "unexplained",
            f"a gain, but none that behaviour explains: not clearly more than {_listed(level)}",
        )
    elif missing or not controls:
        lacking = _listed(missing) if missing else "controls"
        verdict, said = "uncontrolled", f"a gain; whether behaviour explains it is open, without {lacking}"
    else:
        verdict, said = "explained", "a gain, which no control has: one that behaviour explains"
    where = f"{score}, {session}" if session else score
    chosen = f"{_short(best)} (best of {len(valid)} on validation trials)" if len(valid) > 1 else _short(best)
    sentence = f"{where}: {chosen} {differences}: {said}."
    return Conclusion(score, session, best, dict(valid), dict(over), tuple(missing), verdict, sentence)


def _short(path: str) -> str:
    return path.rpartition("/")[2]


def _listed(paths: Sequence[str]) -> str:
    *first, last = map(_short, paths)
    return f"{', '.join(first)} and {last}" if first else last


def _text(each: Paired) -> str:
    low, high = each.interval
    return f"{each.difference:+.4f} [{low:+.4f}, {high:+.4f}] ({each.agree} of {len(each.seeds)} seeds agree)"
