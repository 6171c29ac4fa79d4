"""Mapping files: read, computed from the videos, compared."""

from pathlib import Path

import pandas as pd
import pytest

from neurodyn.data.sensorium.mapping import (
    compare,
    listed_stimuli,
    read_repeats,
    read_shared,
    repeated_videos,
    shared_videos,
)
from neurodyn.errors import InvalidInput, MissingData

PAIR, REPEATS = "dynamic101_dynamic202_CrossIndividuals.txt", "dynamic101_oracle_CrossIndividuals.txt"


def table(rows: list[tuple[int, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["trial", "tier", "stimulus"])


ONE = table([(0, "train", "a"), (3, "train", "b"), (4, "train", "c"), (5, "oracle", "x"), (6, "oracle", "y"), (9, "oracle", "x")])  # fmt: skip
TWO = table([(0, "train", "q"), (1, "train", "a"), (8, "train", "c"), (9, "train", ""), (5, "oracle", "x")])
BOTH = {"101": ONE, "202": TWO}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / PAIR).write_text("dynamic101_0,dynamic202_1\ndynamic101_4,dynamic202_8\n")
    (tmp_path / REPEATS).write_text("5,9,\r\n6,\r\n")
    (tmp_path / "dynamic303_dynamic404_CrossIndividuals.txt").write_text("dynamic303_0,dynamic404_1\n")
    return tmp_path


def test_files_are_read(folder: Path) -> None:
    shared = read_shared(folder / PAIR)
    assert (shared.first, shared.second, shared.trials.tolist()) == ("101", "202", [[0, 1], [4, 8]])
    repeats = read_repeats(folder / REPEATS)
    assert (repeats.animal, repeats.trials) == ("101", ((5, 9), (6,)))


def test_tables_are_computed_from_what_was_shown_never_from_indices() -> None:
    assert shared_videos(ONE, TWO).tolist() == [[0, 1], [4, 8]]  # index 0 is another video in each
    assert repeated_videos(ONE) == ((5, 9), (6,))
    assert shared_videos(ONE[:0], TWO).shape == (0, 2)


def test_files_and_videos_are_compared(folder: Path) -> None:
    found = compare(folder, BOTH)
    assert found.to_numpy().tolist() == [[PAIR, 2, 2, 2], [REPEATS, 2, 2, 2]], "files of other mice are passed over"
    (folder / PAIR).write_text("dynamic101_0,dynamic202_1\ndynamic101_3,dynamic202_8\n")
    (folder / REPEATS).write_text("5,6,\n")
    assert compare(folder, BOTH)[["listed", "computed", "agree"]].to_numpy().tolist() == [[2, 2, 1], [1, 2, 0]]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (PAIR, "dynamic101_0,dynamic202_1\ndynamic101_77,dynamic202_8\n", "1 trials that mouse 101 .*first 77"),
        (PAIR, "dynamic101_0,dynamic202_5\n", "mouse 202 does not have in tier train, the first 5"),
        (REPEATS, "5,9,88,\n", "mouse 101 does not have in tier oracle, the first 88"),
    ],
)
def test_absent_trials_are_named(folder: Path, file: str, text: str, said: str) -> None:
    (folder / file).write_text(text)
    for read in (compare, listed_stimuli):
        with pytest.raises(InvalidInput, match=said):
            read(folder, BOTH)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dynamic101_0;dynamic202_1\n", "line 1"),
        ("dynamic101_0,dynamic202_1\ndynamic101_2,dynamic303_1\n", "line 2.*dynamic303_1"),
        ("dynamic101_0,dynamic202_1\ndynamic101_2,dynamic202_1\n", "trial 1 of dynamic202 twice"),
    ],
)
def test_pair_files_of_another_form_are_refused(folder: Path, text: str, said: str) -> None:
    (folder / PAIR).write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_shared(folder / PAIR)


def test_repeat_files_of_another_form_are_refused(folder: Path) -> None:
    for text, said in (("5,a,\n", "line 1"), ("5,9,\n9,6,\n", "trial 9 twice")):
        (folder / REPEATS).write_text(text)
        with pytest.raises(InvalidInput, match=said):
            read_repeats(folder / REPEATS)


def test_files_of_another_name_or_that_are_not_there_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="<A>_<B>"):
        read_shared(folder / REPEATS)
    with pytest.raises(InvalidInput, match="oracle"):
        read_repeats(folder / PAIR)
    with pytest.raises(MissingData, match="dynamic1_dynamic2"):
        read_shared(folder / "dynamic1_dynamic2_CrossIndividuals.txt")
    with pytest.raises(MissingData, match="505, 606"):
        compare(folder, {"505": ONE, "606": TWO})


def test_identities_can_be_taken_from_the_files(folder: Path) -> None:
    found = listed_stimuli(folder, BOTH)
    assert shared_videos(found["101"], found["202"]).tolist() == [[0, 1], [4, 8]]
    assert repeated_videos(found["101"]) == ((5, 9), (6,))
    everything = [*found["101"]["stimulus"], *found["202"]["stimulus"]]
    assert len(set(everything)) == len(everything) - 3, "what no file names is unlike any other"
