"""Trials, their signals, sizes and selections."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from neurodyn.data.batch import Batch
from neurodyn.data.signal import Signal
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(1.0, (6, 10, 4))


def make(**options: object) -> Trials:
    return Trials.from_arrays(COUNTS, bin_s=0.02, **options)  # type: ignore[arg-type]


def test_selection_carries_everything() -> None:
    trials = make(
        behaviour=RNG.normal(size=(6, 10, 2)),
        conditions=list("ababab"),
        split=["train"] * 4 + ["valid", "test"],
        truth={"rates": RNG.random((6, 10, 4))},
        mask=np.arange(60).reshape(6, 10) % 7 > 0,
        table=pd.DataFrame({"subject": range(6)}),
    )
    test = trials.test
    assert (
        len(test) == 1
        and test.table["subject"].tolist() == [5]
        and test.conditions is not None
        and test.conditions.tolist() == ["b"]
    )
    np.testing.assert_array_equal(test.counts, COUNTS[5:])
    np.testing.assert_array_equal(test.truth["rates"], trials.truth["rates"][5:])
    np.testing.assert_array_equal(test.mask, trials.mask[5:])
    with pytest.raises(UnknownName, match="train"):
        trials.part("trian")
    with pytest.raises(InvalidInput, match="not been split"):
        _ = make().train


def test_heldout_is_the_complement() -> None:
    trials = make(heldin=[0, 2], forward=3)
    assert trials.heldout.tolist() == [1, 3] and trials.unit_order.tolist() == [0, 2, 1, 3]
    assert trials.observed_bins == 7 and "2 of 4 units held out" in repr(trials)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"heldin": [0, 0]}, "heldin"),
        ({"heldin": [2, 1]}, "heldin"),
        ({"heldin": [9]}, "heldin"),
        ({"heldin": []}, "heldin"),
        ({"forward": 10}, "forward"),
        ({"behaviour": np.zeros((5, 10, 2))}, "behaviour"),
        ({"conditions": [1, 2]}, "conditions"),
        ({"split": ["train"]}, "split"),
        ({"mask": np.ones((6, 9), bool)}, "mask"),
        ({"truth": {"rates": np.zeros((2, 10, 4))}}, "truth"),
        ({"table": pd.DataFrame({"a": [1]})}, "table"),
    ],
)
def test_disagreeing_shapes_name_the_field(options: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        make(**options)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (np.where(COUNTS == 0, np.nan, COUNTS), "not finite"),
        (COUNTS - 1, "negative"),
        (COUNTS + 0.5, "fractional"),
        (COUNTS[0], r"\(trial, time, unit\)"),
        (COUNTS[:0], "at least one trial"),
        (COUNTS[:, :, :0], "one unit"),
        (COUNTS.astype(str), "dtype"),
    ],
)
def test_counts_that_are_not_counts(bad: np.ndarray, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        Trials.from_arrays(bad, bin_s=0.02)


def test_missing_bins_may_be_nan_where_the_mask_says_so() -> None:
    counts, mask = COUNTS.astype(float), np.ones((6, 10), bool)
    counts[2, 5:] = np.nan
    mask[2, 5:] = False
    trials = Trials.from_arrays(counts, bin_s=0.02, mask=mask)
    assert trials.counts[2, 5:].sum() == 0 and trials.counts.dtype.kind == "u"


def test_lazy_signals_stay_lazy_and_keep_order(tmp_path: Path) -> None:
    video = RNG.random((6, 5, 3, 2)).astype(np.float32)
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file["video"] = video
    with h5py.File(tmp_path / "v.h5") as file:
        signal = Signal(file["video"], "video", "stimulus", 1 / 30)
        chosen = signal.select(np.array([4, 1, 3])).select(np.array([2, 0]))
        assert not isinstance(chosen.values, np.ndarray)
        np.testing.assert_array_equal(chosen.rows(np.array([1, 0, 1])), video[[4, 3, 4]])
        np.testing.assert_array_equal(np.asarray(chosen.values), video[[3, 4]])


def test_behaviour_series_stand_side_by_side() -> None:
    trials = make(
        forward=2, behaviour={"position": np.zeros((6, 10, 2)), "force": np.ones((6, 8, 1)), "reward": np.arange(6)}
    )
    behaviour = trials.behaviour
    assert behaviour is not None and behaviour.shape == (6, 10, 3) and np.isnan(behaviour[:, 8:, 2]).all()
    assert trials.signals["reward"].kind == "label"


def test_spec_reads_every_size_and_round_trips() -> None:
    first, second = (
        make(session="a", heldin=[1, 2]),
        Trials.from_arrays(COUNTS[:, :, :3], bin_s=0.02, session="b", stimulus=np.zeros((6, 10, 8, 8))),
    )
    spec = DataSpec.of([first, second])
    assert [s.units for s in spec.sessions] == [4, 3] and spec.sessions[0].heldin == 2
    assert spec.sessions[1].signals["stimulus"].kind == "video" and DataSpec.from_mapping(spec.as_mapping()) == spec
    with pytest.raises(InvalidInput, match="one session"):
        _ = spec.only
    with pytest.raises(InvalidInput, match="different name"):
        DataSpec.of([first, first])
    with pytest.raises(InvalidInput, match="bin_s"):
        DataSpec.of([first, Trials.from_arrays(COUNTS, bin_s=0.01, session="b")])


def test_behaviour_of_another_length_or_infinite_is_refused() -> None:
    counts = np.ones((6, 10, 3), int)
    for bins in (10, 8):  # all bins, or all but the forward ones
        Trials.from_arrays(counts, bin_s=0.02, forward=2, behaviour={"hand": np.full((6, bins, 2), np.nan)})
    with pytest.raises(InvalidInput, match=r"hand: got 9 time bins; expected 10 time bins, or 8 without"):
        Trials.from_arrays(counts, bin_s=0.02, forward=2, behaviour={"hand": np.zeros((6, 9, 2))})
    with pytest.raises(InvalidInput, match="hand: got an infinite value"):
        Trials.from_arrays(counts, bin_s=0.02, behaviour={"hand": np.full((6, 10, 2), np.inf)})


@pytest.mark.parametrize(
    ("values", "named"),
    [(np.zeros((6, 10)), "shape"), (np.full((6, 10, 3), np.nan), "not finite"), (np.full((6, 10, 3), "a"), "dtype")],
)
def test_fluorescence_that_cannot_be_used_is_refused(values: np.ndarray, named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        Trials.from_arrays(bin_s=0.02, fluorescence=values)


def test_fluorescence_may_be_missing_where_the_mask_says_so() -> None:
    values = RNG.normal(size=(6, 10, 3))
    values[2, 7:] = np.nan
    mask = np.isfinite(values).all(2)
    assert not Trials.from_arrays(bin_s=0.02, fluorescence=values, mask=mask).mask.all()


@pytest.mark.parametrize("kind", ["counts", "fluorescence"])
def test_nan_is_refused_or_marks_what_was_not_recorded(kind: str) -> None:
    values = np.ones((4, 6, 3))
    values[1, :2, 0] = np.nan
    with pytest.raises(InvalidInput, match=r"nan='unknown'"):
        Trials.from_arrays(bin_s=0.02, **{kind: values})
    trials = Trials.from_arrays(bin_s=0.02, heldin=[0, 2], forward=2, nan="unknown", **{kind: values})
    assert (trials.known == np.isfinite(values)).all() and trials.mask.all()
    batch = Batch.of(trials)
    assert (batch.weight(kind) == torch.from_numpy(np.isfinite(values)[:, :, [0, 2, 1]])).all()
    assert (batch.observed.neural[1, :2, 0] == 0).all() and batch.observed.neural.sum() == 4 * 4 * 2 - 2
    whole = Trials.from_arrays(bin_s=0.02, nan="unknown", **{kind: np.ones((4, 6, 3))})
    assert whole.neural.mask is None


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_an_encoder_sees_zero_where_a_count_is_unknown(shape: tuple[int, ...]) -> None:
    trials = Trials.from_arrays(np.ones((4, 6, 3), int), bin_s=0.02, heldin=[0, 2], forward=2)
    known = np.ones(shape, bool)
    known[1, 0] = False
    batch = Batch.of(dataclasses.replace(trials, signals={"counts": dataclasses.replace(trials.neural, mask=known)}))
    assert batch.observed.neural[1, 0].sum() == 0 and batch.observed.neural.sum() == 4 * 4 * 2 - 2


def test_trials_of_no_condition_have_none() -> None:
    counts = np.ones((3, 6, 2), int)
    assert Trials.from_arrays(counts, bin_s=0.02, conditions=[None, np.nan, None]).conditions is None
    some = Trials.from_arrays(counts, bin_s=0.02, conditions=["a", None, "b"]).conditions
    assert some is not None and some[[0, 2]].tolist() == ["a", "b"]
