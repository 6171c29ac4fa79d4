"""Centre-out reach (learning_rules.md, section 3.1); golden numbers are the public generator's."""

import json
from pathlib import Path

import numpy as np
import pytest

import synthetic_reaches
from neurodyn.config import from_dict
from neurodyn.data.datasets.base import data_folders
from neurodyn.data.hatsopoulos import FILE
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.random_streams import PerTrialStreams, ReleasedStreams, SharedStreams
from neurodyn.tasks._hold_cue import BUMP, check_timing
from neurodyn.tasks.reach import Reach, ReachConfig

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "tasks_release.json").read_text())["reach"]
EVERYTHING = ("angles", "velocity", "position", "conditions")
FORMULA = ReachConfig(kinematics="minimum_jerk")


@pytest.fixture(scope="module")
def drawn():
    return Reach(FORMULA).sample(SharedStreams(200, 0))


def test_the_bump_is_the_published_one():
    assert BUMP.mean() == pytest.approx(15 / 23)
    assert len(BUMP) == 23
    np.testing.assert_array_equal(BUMP, BUMP[::-1])


def test_evaluation_trials_are_the_published_ones():
    trials = Reach(FORMULA).conditions()
    assert trials.table["condition"].tolist() == list(range(8))
    assert trials.stimulus.shape == (8, 250, 3)
    hold = trials.stimulus[3, :, 2]
    assert (hold[:145] == 1).all() and (hold[145:153] > 0).all() and not hold[153:].any()
    cue = np.flatnonzero(np.abs(trials.stimulus[1, :, 0]) > 0)
    assert (cue[0], cue[-1], len(cue)) == (25, 47, 23)
    np.testing.assert_allclose(trials.stimulus[1, 25:48, :2], np.sqrt(0.5) * np.stack([BUMP, BUMP], 1), rtol=1e-6)
    assert not trials.target[:, :143].any()
    assert trials.counted[:, :194].all() and not trials.counted[:, 194:].any()
    assert (trials.table["onset_bin"] == 153).all()


def test_every_trial_of_training_fits(drawn):
    assert drawn.table["output_bin"].max() + 51 <= 300
    assert drawn.counted.sum((1, 2)).tolist() == (2 * (drawn.table["output_bin"] + 51)).tolist()
    longest = {"before_cue_bins": (49, 49), "delay_bins": (149, 149), "kinematics": "minimum_jerk"}
    assert Reach(from_dict(ReachConfig, longest | {"bins": 262})).sample(SharedStreams(2, 0)).counted.all()
    with pytest.raises(InvalidInput, match="at least 262"):
        Reach(from_dict(ReachConfig, longest | {"bins": 261}))


def test_intervals_have_the_published_ranges_and_conditions_come_first(drawn):
    assert drawn.table["condition"][:8].tolist() == list(range(8))
    assert drawn.table["cue_bin"].between(0, 49).all()
    delay = drawn.table["go_bin"] - drawn.table["cue_bin"] - 23
    assert delay.between(0, 149).all() and delay.max() > 130
    assert (drawn.table["output_bin"] == drawn.table["go_bin"] - 10).all()


def test_reaches_by_formula_go_where_they_should():
    config = ReachConfig(kinematics="minimum_jerk", targets=("position", "velocity", "angles"))
    trials = Reach(config).conditions()
    end = trials.target[:, 193, :2]
    angle = np.deg2rad(trials.table["direction_deg"].to_numpy())
    np.testing.assert_allclose(end, np.stack([np.cos(angle), np.sin(angle)], 1), atol=1e-6)
    assert not np.abs(trials.target[:, 143:154]).max() > 1e-6  # before movement
    np.testing.assert_allclose(np.abs(trials.target).max((0, 1)), 1, rtol=1e-6)
    steps = np.diff(trials.target[2, 143:194, 1])
    np.testing.assert_allclose(
        steps / steps.max(), trials.target[2, 143:193, 3], atol=0.1
    )  # velocity is the derivative


def test_targets_come_in_the_published_order():
    task = Reach(ReachConfig(kinematics="minimum_jerk", targets=EVERYTHING))
    assert task.output_names[:2] == ("0_deg", "45_deg")
    assert task.output_names[8:] == ("x", "y", "x_velocity", "y_velocity", "shoulder", "elbow")
    trials = task.conditions()
    np.testing.assert_array_equal(trials.target[:, 249, :8], np.eye(8))
    assert not trials.target[:, :143].any()
    assert trials.counted[:, :, :8].all() and not trials.counted[:, 194:, 8:].any()
    angles = Reach(FORMULA).conditions().target
    np.testing.assert_array_equal(trials.target[:, :, 12:], angles)


def test_without_a_hold_cue():
    task = Reach(ReachConfig(kinematics="minimum_jerk", hold_cue=False))
    with_cue = Reach(FORMULA).conditions()
    assert task.channel_names == ("sine", "cosine")
    np.testing.assert_array_equal(task.conditions().stimulus, with_cue.stimulus[:, :, :2])


@pytest.mark.parametrize("place", range(3))
def test_released_draws_are_bit_for_bit_those_of_the_release(place):
    streams, task = ReleasedStreams(100, 4), Reach(FORMULA)
    for _ in range(place):
        task.sample(streams)
    found, golden = task.sample(streams), GOLDEN[place]
    for column in ("condition", "cue_bin", "output_bin"):
        assert found.table[column].tolist() == golden[column]
    np.testing.assert_allclose(found.stimulus.astype(float).sum((0, 1)), golden["stimulus_sum"], rtol=1e-12, atol=1e-9)
    assert found.counted.sum((0, 1)).tolist() == golden["counted"][-2:]


@pytest.mark.skipif(not any((f / FILE).exists() for f in data_folders()), reason="the recording is not on this machine")
def test_recorded_targets_are_those_of_the_release():
    found = Reach(ReachConfig(targets=EVERYTHING)).sample(ReleasedStreams(100, 4))
    target = found.target.astype(float)
    np.testing.assert_allclose(target.sum((0, 1)), GOLDEN[0]["target_sum"], rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose((target**2).sum((0, 1)), GOLDEN[0]["target_square"], rtol=1e-10)
    assert found.counted.sum((0, 1)).tolist() == GOLDEN[0]["counted"]


def test_recorded_kinematics_start_100_ms_before_movement(tmp_path, monkeypatch):
    synthetic_reaches.write(tmp_path)
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    trials = Reach().conditions()
    made = synthetic_reaches.arrays()
    np.testing.assert_allclose(trials.target[:, 143:194, 0], made["shoulderangle"][:, 70:], rtol=1e-6)
    np.testing.assert_allclose(trials.target[:, 143:194, 1], made["elbowangle"][:, 70:], rtol=1e-6)


def test_without_the_recording_the_error_names_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path))
    with pytest.raises(MissingData, match="kinematics=minimum_jerk"):
        Reach()


def test_a_trial_is_the_same_whatever_the_number_of_trials():
    few, many = (Reach(FORMULA).sample(PerTrialStreams(number, 3)) for number in (12, 20))
    np.testing.assert_array_equal(few.stimulus, many.stimulus[:12])
    np.testing.assert_array_equal(few.target, many.target[:12])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"targets": ()}, "targets"),
        ({"targets": ("angles", "angles")}, "targets"),
        ({"targets": ("angle",)}, "targets"),
        ({"before_cue_bins": (-1, 5)}, "before_cue_bins"),
        ({"delay_bins": (9, 5)}, "delay_bins"),
        ({"delay_bins": (0, 200)}, "task.bins"),
        ({"bins": 0}, "bins"),
        ({"output_offset_bins": -24}, "output_offset_bins"),
    ],
)
def test_bad_options_name_the_field(options, field):
    with pytest.raises(InvalidInput, match=field):
        Reach(from_dict(ReachConfig, {"kinematics": "minimum_jerk"} | options))


def test_an_offset_that_evaluation_trials_have_no_room_for():
    task = Reach(ReachConfig(kinematics="minimum_jerk", output_offset_bins=47, delay_bins=(0, 50)))
    task.sample(SharedStreams(3, 0))
    with pytest.raises(InvalidInput, match="bins"):
        task.conditions()


@pytest.mark.parametrize("bins", [(5,), (1, 2, 3)])
def test_a_range_is_two_numbers(bins):
    with pytest.raises(InvalidInput, match="delay_bins"):
        check_timing("task.delay_bins", bins)
