import dataclasses

import numpy as np
import pytest
from tiny_training import some_trials

from neurodyn.data.psth import PSTH
from neurodyn.data.splits import split_trials
from neurodyn.errors import InvalidInput
from neurodyn.training.partition import check_disjoint, fingerprint, origin, partition
from submission_trials import benchmark_trials


def test_splits_are_taken_as_they_are() -> None:
    trials = split_trials(some_trials(40), seed=2)
    parts = partition(trials, None, seed=0)
    for name, (part,) in (("train", parts.train), ("valid", parts.valid), ("test", parts.test or [])):
        assert np.array_equal(part.counts, trials.part(name).counts)


def test_one_in_five_is_drawn_by_the_seed() -> None:
    trials = some_trials(40)
    first, again, other = (partition(trials, None, seed) for seed in (0, 0, 1))
    assert (len(first.train[0]), len(first.valid[0])) == (32, 8)
    assert fingerprint(first.valid) == fingerprint(again.valid) != fingerprint(other.valid)
    assert first.test is None


def test_windows_of_a_recording_validate_on_the_last_ones() -> None:
    trials = some_trials(40)
    trials = dataclasses.replace(trials, table=trials.table.assign(start_bin=np.arange(40) * 12))
    assert partition(trials, None, 0).valid[0].table["start_bin"].tolist() == list(range(32 * 12, 480, 12))


def test_windows_that_overlap_those_that_validate_do_not_train() -> None:
    trials = some_trials(40)
    starts = np.arange(40) * (trials.bins // 3)
    overlapping = dataclasses.replace(trials, table=trials.table.assign(start_bin=starts))
    parts = partition(overlapping, None, 0)
    last, first = parts.train[0].table["start_bin"].max(), parts.valid[0].table["start_bin"].min()
    assert first - trials.bins - trials.bins // 3 < last <= first - trials.bins
    assert len(parts.valid[0]) == 8
    apart = dataclasses.replace(trials, table=trials.table.assign(start_bin=starts, segment=np.arange(40) >= 32))
    assert len(partition(apart, None, 0).train[0]) == 32
    with pytest.raises(InvalidInput, match="overlap"):
        partition(dataclasses.replace(trials, table=trials.table.assign(start_bin=np.arange(40) // 8)), None, 0)


def test_overlap_is_refused_and_chance_repeats_are_not() -> None:
    trials = some_trials(40)
    with pytest.raises(InvalidInput, match="trial 2, which is training trial 30 too"):
        partition(trials.select(slice(0, 32)), trials.select([35, 36, 30]), 0)
    sparse = dataclasses.replace(
        trials, signals={"counts": dataclasses.replace(trials.neural, values=np.zeros((40, 12, 8), int))}
    )
    assert partition(sparse.select(slice(0, 32)), sparse.select(slice(32, 40)), 0)


def test_what_cannot_be_split_is_refused() -> None:
    with pytest.raises(InvalidInput, match="4 trials"):
        partition(some_trials(4), None, 0)
    with pytest.raises(InvalidInput, match="split test"):
        partition(split_trials(some_trials(40)).test, None, 0)
    with pytest.raises(InvalidInput, match="split test"):
        partition(some_trials(40), split_trials(some_trials(40, seed=1)).test, 0)
    with pytest.raises(InvalidInput, match="in this order"):
        partition(some_trials(40), dataclasses.replace(some_trials(9, seed=3), session="other"), 0)
    with pytest.raises(InvalidInput, match="no session"):
        partition([], None, 0)


def test_fingerprint_tells_data_and_cuts_apart() -> None:
    trials = some_trials(12)
    changed = trials.counts.copy()
    changed[3, 4, 5] += 1
    mask = trials.mask.copy()
    mask[0, -1] = False
    others = [
        dataclasses.replace(trials, signals={"counts": dataclasses.replace(trials.neural, values=changed)}),
        dataclasses.replace(trials, mask=mask),
        dataclasses.replace(trials, heldin=np.arange(5)),
        dataclasses.replace(trials, forward=1),
        trials.select(slice(None, None, -1)),
    ]
    prints = {fingerprint([t]) for t in (trials, *others)}
    assert len(prints) == 6
    assert fingerprint([trials.select(slice(None))]) in prints


def test_origin_records_source_and_options() -> None:
    trials = dataclasses.replace(some_trials(20), provenance={"source": "lorenz", "options": {"trials": 20}, "more": 1})
    found = origin(partition(trials, None, 0))
    assert (found["source"], found["options"]) == ("lorenz", {"trials": 20})
    assert set(found) == {"source", "options", "train", "valid"}


def test_each_session_validates_on_what_it_brings() -> None:
    first = split_trials(some_trials(40), seed=2)
    second = dataclasses.replace(some_trials(20, seed=1), session="second")
    parts = partition([first, second], None, 0)
    assert np.array_equal(parts.valid[0].counts, first.valid.counts)
    assert [len(t) for t in parts.train] == [len(first.train), 16] and len(parts.valid[1]) == 4


def test_withheld_counts_do_not_hide_a_training_trial() -> None:
    trials = benchmark_trials(phase="val")
    train = trials.select(slice(0, 10))
    withheld = benchmark_trials(phase="test").test
    shown = trials.counts[[3] * len(withheld)].copy()
    known = withheld.known
    neural = dataclasses.replace(withheld.neural, values=np.where(known, shown, 0).astype(np.uint16))
    again = dataclasses.replace(withheld, signals={**withheld.signals, "counts": neural})
    with pytest.raises(InvalidInput, match="trial 0, which is training trial 3 too"):
        check_disjoint(train, again, "trials")
    check_disjoint(train, withheld, "trials")


def test_fingerprint_tells_unknown_counts_from_zeros() -> None:
    trials = benchmark_trials(phase="test").test
    neural = dataclasses.replace(trials.neural, mask=None)
    assert fingerprint([trials]) != fingerprint([dataclasses.replace(trials, signals={"counts": neural})])


def test_trials_to_learn_from_carry_no_condition_averages() -> None:
    trials = benchmark_trials()
    psth = PSTH(np.ones((1, trials.observed_bins, trials.units)), ("a",))
    parts = partition(dataclasses.replace(trials, psth=psth), None, 0)
    assert parts.train[0].psth is None and parts.valid[0].psth is None
    assert parts.test is not None and parts.test[0].psth is psth
