"""Where runs reach the same error, on curves that are known."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.analysis.matched_checkpoints import LEVELS, Reached, reached
from neurodyn.errors import InvalidInput
from neurodyn.training.kept import ErrorsOverTraining


def curve(steps: list[int], values: list[float], name: str = "normalised_error") -> ErrorsOverTraining:
    return ErrorsOverTraining(np.array(steps), {name: np.array(values)}, {name: "lower"}, 10)


FAST = curve([0, 10, 20, 40], [1.0, 0.5, 0.1, 0.02])
SLOW = curve([0, 10, 30, 50], [1.2, 1.0, 0.6, 0.2])


def test_first_crossing_is_interpolated_between_kept_steps() -> None:
    found = reached({"fast": FAST, "slow": SLOW}, [0.3, 0.75])
    assert list(found) == [0.75, 0.3]
    assert found[0.75]["fast"] == Reached(5.0, 0.75, 0, 10) and found[0.75]["fast"].weight == 0.5
    assert found[0.3]["fast"] == Reached(15.0, 0.3, 10, 20)
    slow = found[0.3]["slow"]
    assert slow is not None and slow.step == pytest.approx(45) and (slow.before, slow.after) == (30, 50)


def test_the_first_time_counts_and_a_level_never_reached_is_none() -> None:
    bumpy = curve([0, 1, 2, 3], [1.0, 0.4, 0.9, 0.1])
    found = reached({"bumpy": bumpy}, [0.5, 0.05])
    assert found[0.5]["bumpy"] is not None and found[0.5]["bumpy"].after == 1
    assert found[0.05]["bumpy"] is None


def test_a_run_that_begins_below_a_level_is_there_at_once() -> None:
    assert reached({"fast": FAST}, [3.0])[3.0]["fast"] == Reached(0.0, 1.0, 0, 0)
    assert reached({"fast": FAST}, [3.0])[3.0]["fast"].weight == 1  # type: ignore[union-attr]


def test_default_levels_are_reached_by_all() -> None:
    found = reached({"fast": FAST, "slow": SLOW})
    assert len(found) == LEVELS
    assert (max(found), min(found)) == pytest.approx((1.0, 0.2))
    assert all(each is not None for level in found.values() for each in level.values())


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InvalidInput, match="none"):
        reached({})
    with pytest.raises(InvalidInput, match="an error that all runs were measured by"):
        reached({"a": FAST, "b": curve([0, 1], [1.0, 0.1], "task_cross_entropy")})
    with pytest.raises(InvalidInput, match="one of normalised_error"):
        reached({"a": FAST}, measure="task_accuracy")
    with pytest.raises(InvalidInput, match="an error that all of them reach"):
        reached({"a": curve([0, 1], [0.1, 0.05]), "b": curve([0, 1], [1.0, 0.5])})
