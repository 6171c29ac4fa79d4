"""Reach with muscle activity (learning_rules.md, section 3.3)."""

import numpy as np
import pytest
from scipy.io import savemat

from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.random_streams import ReleasedStreams, SharedStreams
from neurodyn.tasks._hold_cue import RAMP
from neurodyn.tasks.reach_emg import ReachEMG, ReachEMGConfig


def arrays(conditions=6, muscles=3, plans=4):
    generator = np.random.default_rng(0)
    plan = np.repeat(generator.normal(size=(plans, 1, conditions)), 196, 1)
    plan[:, :100] *= 7.0  # only sample 100 is to be used
    return {
        "EMGforRNN_Sussillo2015": generator.uniform(size=(muscles, 66, conditions)),
        "planinputforRNN": plan,
    }


def write(folder, **changed):
    for name, values in (arrays() | changed).items():
        savemat(folder / f"{name}.mat", {name: values})
    return ReachEMGConfig(source="recorded", folder=str(folder))


def test_synthetic_muscles_have_the_form_of_the_recorded_ones():
    task = ReachEMG()
    trials = task.conditions()
    assert trials.stimulus.shape == (27, 196, 16)
    assert trials.target.shape == (27, 196, 7)
    assert np.abs(trials.stimulus[:, :, :15]).max() == 1
    np.testing.assert_allclose(trials.target.max((0, 1)), 1)
    assert trials.target.min() >= 0
    shapes = trials.target[:, 108:174].reshape(27, -1)
    assert np.linalg.matrix_rank(shapes - shapes.mean(0), tol=0.1) >= 4  # conditions differ in several ways
    assert not np.array_equal(ReachEMG(ReachEMGConfig(seed=1)).conditions().target, trials.target)


def test_recorded_trials_are_laid_out_as_published(tmp_path):
    made = arrays()
    trials = ReachEMG(write(tmp_path)).conditions()
    steady = made["planinputforRNN"][:, 100]
    plan = steady / np.abs(steady).max()
    for condition in (0, 4):
        expected = np.zeros((196, 5))
        expected[37:45, :4] = RAMP[:, None] * plan[:, condition]
        expected[45:114, :4] = plan[:, condition]
        expected[114:122, :4] = RAMP[::-1, None] * plan[:, condition]
        expected[:122, 4] = 1
        expected[114:122, 4] = RAMP[::-1]
        np.testing.assert_allclose(trials.stimulus[condition], expected, atol=1e-6)
        expected = np.zeros((196, 3))
        expected[108:174] = made["EMGforRNN_Sussillo2015"][:, :, condition].T
        np.testing.assert_allclose(trials.target[condition], expected, atol=1e-6)
    assert trials.counted[:, :174].all() and not trials.counted[:, 174:].any()


def test_no_time_at_all_before_and_during_the_plan():
    trials = ReachEMG(ReachEMGConfig(before_cue_bins=(0, 0), delay_bins=(0, 0))).sample(SharedStreams(3, 0))
    np.testing.assert_allclose(trials.stimulus[0, :8, 15], 1)
    np.testing.assert_allclose(trials.stimulus[0, 8:16, 15], RAMP[::-1], rtol=1e-6)
    assert (trials.table["output_bin"] == 2).all()


def test_all_training_outputs_fit_and_conditions_come_first():
    trials = ReachEMG().sample(ReleasedStreams(100, 4))
    assert trials.table["condition"][:27].tolist() == list(range(27))
    assert trials.counted.sum((1, 2)).tolist() == (7 * (trials.table["output_bin"] + 66)).tolist()


def test_missing_files_name_their_origin_and_the_way_out(tmp_path):
    with pytest.raises(MissingData, match=r"Churchland.*source=synthetic"):
        ReachEMG(ReachEMGConfig(source="recorded", folder=str(tmp_path)))
    with pytest.raises(InvalidInput, match="folder"):
        ReachEMGConfig(source="recorded")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"planinputforRNN": np.ones((4, 196, 5))}, "planinputforRNN"),
        ({"planinputforRNN": np.ones((4, 100, 6))}, "planinputforRNN"),
        ({"planinputforRNN": np.zeros((4, 196, 6))}, "planinputforRNN"),
        ({"EMGforRNN_Sussillo2015": np.ones((3, 66))}, "EMGforRNN"),
        ({"EMGforRNN_Sussillo2015": np.full((3, 66, 6), np.nan)}, "EMGforRNN"),
    ],
)
def test_bad_arrays_are_named(tmp_path, changed, field):
    with pytest.raises(InvalidInput, match=field):
        ReachEMG(write(tmp_path, **changed))


def test_damaged_files(tmp_path):
    config = write(tmp_path)
    path = tmp_path / "planinputforRNN.mat"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="damaged"):
        ReachEMG(config)
    savemat(path, {"another": np.ones((4, 196, 6))})
    with pytest.raises(UnknownName, match="planinputforRNN"):
        ReachEMG(config)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"bins": 200}, "task.bins"),
        ({"bins": 220, "output_offset_bins": -150, "before_cue_bins": (150, 150), "delay_bins": (60, 60)}, "task.bins"),
        ({"output_offset_bins": -10}, "output_offset_bins"),
        ({"before_cue_bins": (3, 1)}, "before_cue_bins"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_options_name_the_field(options, field):
    with pytest.raises(InvalidInput, match=field):
        ReachEMG(from_dict(ReachEMGConfig, options))
