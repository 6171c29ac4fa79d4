"""Files that cannot be used: each fault is named, with the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import synthetic_nwb
from neurodyn import registry
from neurodyn.data.nlb.release import compare
from neurodyn.data.nlb.session import Session, read_session
from neurodyn.data.nlb.tensors import build
from neurodyn.errors import InvalidInput, MissingData
from synthetic_nwb import Recorded

NAME = "mc_maze_small"
PROTOCOL = registry.load("datasets", NAME).protocol


def opened(*recorded: Recorded) -> Session:
    return read_session([synthetic_nwb.nwb_file(each) for each in recorded], PROTOCOL)


def val(session: Session) -> None:
    build(session, PROTOCOL, NAME, 5, "val")


def renamed(recorded: Recorded, old: str, new: str) -> None:
    recorded.trials[new] = recorded.trials.pop(old)


def repeat_start(recorded: Recorded) -> None:
    used = np.flatnonzero(np.asarray(recorded.trials["split"]) != "none")
    recorded.trials["start_time"][used[1]] = recorded.trials["start_time"][used[0]]


def late_event(recorded: Recorded) -> None:
    first = np.flatnonzero(np.asarray(recorded.trials["split"]) == "train")[0]
    recorded.trials["move_onset_time"][first] += 30.0


def shift_behaviour(recorded: Recorded) -> None:
    recorded.series["hand_vel"].timestamps = recorded.series["hand_vel"].timestamps + 1e5


def slow_behaviour(recorded: Recorded) -> None:
    recorded.series["hand_vel"].timestamps = np.arange(len(recorded.series["hand_vel"].data)) / 500


def no_spikes(recorded: Recorded) -> None:
    recorded.spike_times = [np.empty(0) for _ in recorded.spike_times]


def endless_observation(recorded: Recorded) -> None:
    recorded.observed = [np.array([[0.0, np.nan]]) for _ in recorded.observed]


def bad_spike(recorded: Recorded) -> None:
    recorded.spike_times[2] = np.r_[recorded.spike_times[2], np.nan]


def wrong_split(recorded: Recorded) -> None:
    recorded.trials["split"] = np.where(recorded.trials["split"] == "val", "valid", recorded.trials["split"])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda r: renamed(r, "move_onset_time", "movement_onset_time"),
            "no column 'move_onset_time'.*Rename 'movement_onset_time'",
        ),
        (lambda r: r.trials.pop("trial_version"), "no column 'trial_version'; there are .*trial_type"),
        (lambda r: r.trials.pop("split"), "no column 'split'"),
        (wrong_split, "'valid'; expected one of train, val, test, none"),
        (repeat_start, "start at the same time.*Remove repeated rows"),
        (late_event, "outside of the observation intervals in trial|reach into the next"),
        (lambda r: r.heldout.fill(False), "false for every unit"),
        (lambda r: r.heldout.fill(True), "true for every unit"),
        (no_spikes, "no spike of any unit"),
        (endless_observation, r"units\.obs_intervals: got none, or one that is not finite, for unit \d+"),
        (bad_spike, "spike_times of unit .*not finite"),
        (lambda r: r.series.pop("hand_vel"), "no series 'hand_vel'; there are .*hand_pos"),
        (slow_behaviour, "hand_vel: got 500 samples a second; expected 1000. Resample"),
        (shift_behaviour, "no sample in the window of any trial"),
    ],
)
def test_faults_of_the_training_file(spoil: Callable[[Recorded], object], message: str) -> None:
    train, test = synthetic_nwb.make(NAME)
    spoil(train)
    with pytest.raises(InvalidInput, match=message):
        val(opened(train, test))


def test_columns_of_the_units_table() -> None:
    nwb = synthetic_nwb.nwb_file(synthetic_nwb.make(NAME)[0])
    bare = synthetic_nwb.NWBFile("bare", "bare", nwb.session_start_time)
    bare.add_unit(spike_times=np.array([0.1]), obs_intervals=np.array([[0.0, 1.0]]))
    with pytest.raises(InvalidInput, match="without a trials table"):
        read_session([bare], PROTOCOL)
    bare.trials = synthetic_nwb.nwb_file(synthetic_nwb.make(NAME)[0]).trials
    with pytest.raises(InvalidInput, match="no column 'heldout'; there are spike_times, obs_intervals"):
        read_session([bare], PROTOCOL)


def test_test_files() -> None:
    train, test = synthetic_nwb.make(NAME)
    test.heldout[0] = True
    with pytest.raises(InvalidInput, match="1 held-out units in a file of test trials"):
        opened(train, test)
    train, test = synthetic_nwb.make(NAME)
    assert test.unit_ids is not None
    test.unit_ids[0] = 9999
    with pytest.raises(InvalidInput, match=r"other held-in units.*9999 in .* only"):
        opened(train, test)
    with pytest.raises(InvalidInput, match="2 with training trials"):
        opened(train, train)
    with pytest.raises(InvalidInput, match="0 with training trials"):
        opened(synthetic_nwb.make(NAME)[1])


def test_without_the_test_file_only_validation_is_possible() -> None:
    session = opened(synthetic_nwb.make(NAME)[0])
    val(session)
    with pytest.raises(MissingData, match="neurodyn data get mc_maze_small"):
        build(session, PROTOCOL, NAME, 5, "test")


def test_a_bin_width_that_does_not_fit() -> None:
    with pytest.raises(InvalidInput, match="divides 100 ms"):
        build(opened(synthetic_nwb.make(NAME)[0]), PROTOCOL, NAME, 30, "val")


def test_what_changes_nothing_is_noted() -> None:
    train, test = synthetic_nwb.make(NAME, missing="train")
    train.spike_times[1] = np.empty(0)
    train.spike_times[0] = np.sort(np.r_[train.spike_times[0], 0.001])
    middle = slice(len(train.series["hand_vel"].data) // 2, None)
    train.series["hand_vel"].data = train.series["hand_vel"].data.copy()
    train.series["hand_vel"].data[middle] = np.nan
    train.series["hand_pos"].data = np.full_like(train.series["hand_pos"].data, np.nan)  # not asked for
    with opened(train, test) as session:
        notes = build(session, PROTOCOL, NAME, 20, "val").provenance["notes"]
    text = "\n".join(notes)
    for part in (
        "no spike times for units",
        "spikes outside of the observation",
        "for want of move_onset_time",
        "hand_vel is missing",
    ):
        assert part in text
    assert "hand_pos" not in text


def test_a_session_is_compared_with_its_release() -> None:
    found = compare(opened(*synthetic_nwb.make(NAME)), PROTOCOL)
    assert any("107 " not in each.detail and "dandiset 000140 has 107" in each.detail for each in found)
    assert {each.what for each in found} <= {"another release", "on reading"}
    size = synthetic_nwb.Size(heldin=107, heldout=35, train=75, val=25, test=100, none=0, conditions=2)
    whole = compare(opened(*synthetic_nwb.make(NAME, scale=size)), PROTOCOL)
    assert not [each for each in whole if each.level == "warning"]


def test_truncated_file(tmp_path: Path) -> None:
    train, _ = synthetic_nwb.write_dataset(tmp_path, NAME)
    whole = train.read_bytes()
    train.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="truncated or damaged"):
        read_session([train], PROTOCOL)
    with pytest.raises(MissingData, match="no such file"):
        read_session([tmp_path / "absent.nwb"], PROTOCOL)
