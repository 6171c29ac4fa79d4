"""Splits over trials and units."""

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.binned import Binned
from neurodyn.data.splits import explicit_split, hold_out_units, parse_fractions, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName


def trials(n=40, units=8, **fields):
    return Trials.from_arrays(np.ones((n, 5, units), int), bin_s=0.01, **fields)


def test_blocks_keep_the_order():
    split = split_trials(trials(20), by="block").table["split"].tolist()
    assert split == ["train"] * 14 + ["valid"] * 3 + ["test"] * 3


def test_random_splits_depend_on_the_seed_only():
    one, two, other = (split_trials(trials(), seed=s).table["split"].tolist() for s in (3, 3, 4))
    assert one == two != other


def test_strata_are_spread_alike():
    labels = np.repeat(np.arange(8), 20)
    split = split_trials(trials(160, conditions=labels), stratify="condition")
    share = pd.crosstab(labels, split.table["split"].to_numpy())
    assert (
        share["train"].between(13, 15).all()
        and share["valid"].between(2, 4).all()
        and share["test"].between(2, 4).all()
    )
    assert split.table["split"].value_counts().to_dict() == {"train": 112, "valid": 24, "test": 24}


def test_an_explicit_split():
    split = explicit_split(trials(6), {"train": [0, 3, 4], "valid": [1], "test": [5]})
    assert split.table["split"].tolist() == ["train", "valid", "none", "train", "train", "test"]


@pytest.mark.parametrize(
    ("parts", "error", "match"),
    [
        ({"train": [0, 1], "valid": [1], "test": [2]}, InvalidInput, "trial 1 both in train and in valid"),
        ({"train": [0], "valid": [1]}, InvalidInput, "no test trials"),
        ({"train": [0], "valid": [1], "test": [99]}, InvalidInput, "trial 99; expected 0 to 5"),
        ({"train": [0], "val": [1], "test": [2]}, UnknownName, "Did you mean 'valid'"),
    ],
)
def test_bad_explicit_splits_are_refused(parts, error, match):
    with pytest.raises(error, match=match):
        explicit_split(trials(6), parts)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"fractions": (0.5, 0.5)}, "three fractions"),
        ({"fractions": (0.5, 0.4, 0.2)}, "add up to 1"),
        ({"fractions": (0.7, 0.0, 0.3)}, "no valid trials"),
        ({"by": "block", "stratify": "condition"}, "by='random'"),
    ],
)
def test_bad_splits_are_refused(options, match):
    with pytest.raises(InvalidInput, match=match):
        split_trials(trials(), **options)
    with pytest.raises(InvalidInput, match="no valid trials among 4"):
        split_trials(trials(4))


def test_overlapping_windows_may_not_fall_in_different_splits():
    recording = Binned(np.ones((200, 2), int), 0.05)
    with pytest.raises(InvalidInput, match="overlapping windows in train and valid"):
        split_trials(recording.windows(20, stride=10), by="block")
    split_trials(recording.windows(20), by="random")
    apart = Binned(np.ones((60, 2), int), 0.05, segment=np.repeat([0, 1, 2], 20)).windows(20)
    explicit_split(apart, {"train": [0], "valid": [1], "test": [2]})  # same start_bin, other segments


def test_held_out_units_follow_the_documented_draw():
    held = hold_out_units(trials(units=141), 0.25, 11)
    assert held.heldout.tolist() == sorted(np.random.default_rng(11).permutation(141)[:35].tolist())


def test_held_out_units_can_be_given():
    assert hold_out_units(trials(), heldout=[6, 1]).heldin.tolist() == [0, 2, 3, 4, 5, 7]
    assert len(hold_out_units(trials(), 0.0).heldout) == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [({"fraction": 1.0}, "below 1"), ({"heldout": [8]}, "units 0 to 7"), ({"heldout": range(8)}, "left to see")],
)
def test_bad_held_out_units_are_refused(options, match):
    with pytest.raises(InvalidInput, match=match):
        hold_out_units(trials(), **options)


def test_fractions_are_read():
    assert parse_fractions("70/15/15") == (0.7, 0.15, 0.15)
    assert parse_fractions("0.5/0.25/0.25") == (0.5, 0.25, 0.25)


@pytest.mark.parametrize("text", ["70/30", "70/15/16", "a/b/c", ""])
def test_bad_fractions_are_refused(text):
    with pytest.raises(InvalidInput, match="For example 70/15/15"):
        parse_fractions(text)
