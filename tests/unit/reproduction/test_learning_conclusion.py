"""What arms that differ in their learning rule come to: the shared CPU time and updates, the ranking, and how rules stand beside the reference."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from neurodyn.metrics.base import Score
from neurodyn.reporting.study.base import LearningCurve
from neurodyn.reproduction.learning_conclusion import (
    Ruled,
    learning_conclusion,
    standing,
    with_learning_conclusions,
)


def curve(last: float, cpu_s: float = 10.0, epochs: int = 10, measure: str = "normalised_error") -> LearningCurve:
    """A line from 1 down to the last error."""
    part = np.arange(1, epochs + 1) / epochs
    return LearningCurve(measure, 20 * epochs * part, cpu_s * part, 1 + (last - 1) * part)


def arm(name: str, lasts: list[float], *, control: bool = False, **more: float) -> Ruled:
    curves = {seed: curve(last, **more) for seed, last in enumerate(lasts)}  # type: ignore[arg-type]
    return Ruled(f"rules/reach/{name}", "rules/reach/bptt", control, curves)


ARMS = [
    arm("bptt", [0.1, 0.2, 0.3]),
    arm("eprop", [0.4, 0.5, 0.6], cpu_s=8.0),
    arm("snap1", [0.05, 0.25, 0.5]),
    arm("rflo", [0.01, 0.02, 0.03], epochs=20, cpu_s=16.0),
    arm("readout_only", [0.35, 0.4, 0.45], control=True),
]


def test_rules_are_compared_at_what_all_runs_had() -> None:
    found = learning_conclusion(ARMS)
    assert (found["cpu_s"], found["updates"], found["arm"]) == (8.0, 200, "rules/reach/bptt")
    errors = {path.rpartition("/")[2]: each for path, each in found["errors"].items()}
    assert errors["eprop"]["cpu_s"] == pytest.approx([0.4, 0.5, 0.6])  # its end
    assert errors["bptt"]["cpu_s"] == pytest.approx([0.28, 0.36, 0.44])  # eight tenths of its way
    assert errors["rflo"]["updates"] == pytest.approx([0.505, 0.51, 0.515])  # half of its own
    assert errors["bptt"]["updates"] == pytest.approx([0.1, 0.2, 0.3])


def test_the_sentences_rank_the_arms_and_say_how_they_stand() -> None:
    found = learning_conclusion(ARMS)
    first, by_time, by_updates, stand_time, stand_updates, control = found["sentences"]
    assert first.startswith("Normalised error on validation trials, median of 3 seeds")
    assert by_time.startswith("In the same CPU time (8 s): bptt 0.36, snap1 0.4 (1.1), eprop 0.5 (1.4)")
    assert by_updates.startswith(
        "After the same number of updates (200): bptt 0.2, snap1 0.25 (1.3), readout_only 0.4 (2), eprop 0.5"
    )
    assert (
        stand_time
        == "In the same CPU time, not told apart from bptt: eprop and snap1; worse in every seed than bptt: rflo."
    )
    assert stand_updates.endswith("not told apart from bptt: snap1; worse in every seed than bptt: eprop and rflo.")
    assert control == "Not better in every seed than the control readout_only: eprop, snap1 and rflo."
    assert found["verdict"] == "level"
    assert found["sentence"] == " ".join(found["sentences"])


def test_a_value_that_is_missing_is_said_and_fits_into_json() -> None:
    broken = dataclasses.replace(curve(0.5), error=np.full(10, np.nan))
    late = Ruled("rules/reach/late", "rules/reach/bptt", False, {0: broken})
    found = learning_conclusion([arm("bptt", [0.1]), late])
    assert "late no value" in found["sentences"][1] and found["verdict"] == "behind"
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ([1.0, 2.0], [3.0, 4.0], "ahead"),
        ([3.0, 4.0], [1.0, 2.0], "behind"),
        ([1.0, 3.0], [2.0, 4.0], "level"),
        ([np.nan], [1.0], "behind"),
    ],
)
def test_standing_is_by_every_seed(mine: list[float], theirs: list[float], expected: str) -> None:
    assert standing(mine, theirs) == expected


def test_the_reference_bears_the_conclusion_once() -> None:
    def score(name: str, path: str) -> Score:
        return Score(name, "", 0.1, (0.0, 0.2), 10, "lower", context={"arm": path})

    scores = [score("normalised_error", "rules/reach/eprop"), score("normalised_error", "rules/reach/bptt")]
    scores += [score("task_accuracy", "rules/reach/bptt"), score("co_bps", "other/reach/lfads")]
    found = with_learning_conclusions(scores, ARMS)
    assert ["conclusion" in each.context for each in found] == [False, True, False, False]
    assert found[1].context["conclusion"]["score"] == "normalised_error"
    assert with_learning_conclusions(scores, ARMS[1:]) == scores  # the reference could not be run


def test_a_curve_is_read_between_epochs_and_not_before_the_first() -> None:
    found = curve(0.0, epochs=2, cpu_s=4.0)
    assert found.after_updates(30.0) == pytest.approx(0.25) and found.after_cpu_s(3.0) == pytest.approx(0.25)
    assert found.after_updates(1e3) == 0.0 and np.isnan(found.after_updates(19.0))
