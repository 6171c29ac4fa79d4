"""Stimuli of held-out subjects that occur in training are counted by what was shown."""

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.stimulus_overlap import stimulus_overlap
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def shown(session: str, stimuli: list[str], split: list[str] | None = None) -> Trials:
    table = pd.DataFrame({"trial": np.arange(len(stimuli)), "stimulus": stimuli})
    return Trials.from_arrays(np.ones((len(stimuli), 3, 2)), bin_s=0.1, session=session, split=split, table=table)


def test_overlap_is_counted_in_trials_and_in_stimuli() -> None:
    training = [shown("a", ["x", "y", "w"], ["train", "train", "valid"]), shown("b", ["z"])]
    heldout = [shown("c", ["x", "x", "z", "v"]), shown("d", ["w", "v"]), shown("e", ["u"])]
    found = stimulus_overlap(training, heldout).to_numpy().tolist()
    assert found == [["c", 4, 3, 3, 2], ["d", 2, 2, 0, 0], ["e", 1, 1, 0, 0]], "w was not trained on"


def test_equal_indices_of_other_stimuli_are_no_overlap() -> None:
    found = stimulus_overlap([shown("a", ["x", "y"])], [shown("b", ["u", "v"])])
    assert found["trials_seen"].tolist() == [0]


def test_trials_without_the_column_are_refused() -> None:
    bare = Trials.from_arrays(np.ones((2, 3, 2)), bin_s=0.1, session="bare")
    for training, heldout in (([bare], []), ([], [bare])):
        with pytest.raises(InvalidInput, match="'bare'"):
            stimulus_overlap(training, heldout)
