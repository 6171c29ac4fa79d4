"""The averages of centre-out reaches, as a file."""

import numpy as np
import pytest

import synthetic_reaches
from neurodyn.data.hatsopoulos import read_averages
from neurodyn.errors import InvalidInput, MissingData, UnknownName


def test_axes_are_condition_time_unit(tmp_path):
    made = synthetic_reaches.arrays()
    found = read_averages(synthetic_reaches.write(tmp_path))
    np.testing.assert_array_equal(found.rates_hz[3, :, 2], made["firing_rate"][2, :, 3])
    np.testing.assert_array_equal(
        found.kinematics["angles"][3], np.stack([made["shoulderangle"][3], made["elbowangle"][3]], 1)
    )
    np.testing.assert_array_equal(found.kinematics["velocity"][5, :, 1], made["yhandspeed"][5])
    assert (found.time_s[0], found.time_s[80], found.time_s[-1]) == (-0.8, 0.0, 0.4)
    assert found.direction_deg.tolist() == list(range(0, 360, 45))


def test_the_axes_that_the_release_does_not_have_may_be_absent(tmp_path):
    path = synthetic_reaches.write(tmp_path)
    whole = read_averages(path)
    np.savez(
        path, **{k: v for k, v in synthetic_reaches.arrays().items() if k not in ("time_ms", "reach_direction_deg")}
    )
    without = read_averages(path)
    np.testing.assert_array_equal(without.time_s, whole.time_s)
    np.testing.assert_array_equal(without.direction_deg, whole.direction_deg)


def test_it_is_found_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "user"))
    with pytest.raises(MissingData, match="xsj3tx9cm"):
        read_averages()
    synthetic_reaches.write(tmp_path)
    assert read_averages().rates_hz.shape == (8, 121, 5)


MADE = synthetic_reaches.arrays()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("elbowangle", MADE["elbowangle"][:, :-1]),
        ("xhandspeed", np.where(np.arange(121) == 7, np.nan, MADE["xhandspeed"])),
        ("firing_rate", MADE["firing_rate"][0]),
        ("firing_rate", -1 - MADE["firing_rate"]),
        ("firing_rate", MADE["firing_rate"].astype(str)),
        ("time_ms", MADE["time_ms"][::-1]),
        ("reach_direction_deg", np.arange(7)),
    ],
)
def test_a_bad_array_is_named(tmp_path, name, values):
    with pytest.raises(InvalidInput, match=name):
        read_averages(synthetic_reaches.write(tmp_path, **{name: values}))


def test_a_truncated_file_and_a_missing_array(tmp_path):
    path = synthetic_reaches.write(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match="truncated"):
        read_averages(path)
    np.savez(path, **{k: v for k, v in MADE.items() if k != "shoulderangle"})
    with pytest.raises(UnknownName, match="shoulderangle"):
        read_averages(path)
