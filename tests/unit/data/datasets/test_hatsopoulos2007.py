"""Averages of centre-out reaches as a data set; numbers of section 2.1 on the recordings themselves."""

import numpy as np
import pytest

import neurodyn as nd
import synthetic_reaches
from neurodyn.data.hatsopoulos import averages_file
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.similarity.condition_averages import condition_averages


def test_rows_are_reaches(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    synthetic_reaches.write(tmp_path)
    made = synthetic_reaches.arrays()
    trials = nd.load("hatsopoulos2007")
    assert (trials.neural.kind, trials.neural.units) == ("rates", "spikes/s")
    np.testing.assert_allclose(trials.neural.values[3, :, 2], made["firing_rate"][2, :, 3])
    np.testing.assert_allclose(trials.signals["velocity"].values[5, :, 1], made["yhandspeed"][5])
    assert trials.table["direction_deg"].tolist() == list(range(0, 360, 45))
    found = condition_averages(trials)
    assert found.values.shape == (8, 121, 5)
    assert (found.name, found.bin_s, found.start_s) == ("hatsopoulos2007", 0.01, -0.8)
    assert found.conditions == tuple("01234567")
    assert found.repeats is None and found.mask is None


def test_a_window_and_its_kinematics(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    synthetic_reaches.write(tmp_path)
    trials = nd.load("hatsopoulos2007", window_s=(-0.1, 0.4), behaviour=("angles",))
    assert trials.bins == 51 and [*trials.of_role("behaviour")] == ["angles"]
    np.testing.assert_allclose(trials.neural.values[0, :, 0], synthetic_reaches.arrays()["firing_rate"][0, 70:, 0])
    assert condition_averages(trials).start_s == pytest.approx(-0.1)
    for window in ((-0.9, 0.4), (0.2, 0.1), (0.101, 0.109)):
        with pytest.raises(InvalidInput, match="window_s"):
            nd.load("hatsopoulos2007", window_s=window)


def test_the_recordings_have_the_published_check_values():
    try:
        averages_file()
    except MissingData as absent:
        pytest.skip(str(absent))
    activity = condition_averages(nd.load("hatsopoulos2007"))
    assert activity.values.shape == (8, 121, 141)
    assert activity.values.sum() == pytest.approx(484108.3749, abs=1e-3)
    eigenvalues = np.linalg.eigvalsh(np.cov(activity.samples.T))
    assert eigenvalues.sum() ** 2 / (eigenvalues**2).sum() == pytest.approx(3.29508, abs=5e-6)
    centred = activity.values - activity.values.mean((0, 1))
    time, condition = centred.mean(0, keepdims=True), centred.mean(1, keepdims=True)
    parts = [time, condition, centred - time - condition]
    shares = [np.broadcast_to(p, centred.shape).var() * centred.size / (centred**2).sum() for p in parts]
    np.testing.assert_allclose(shares, [0.5254, 0.2048, 0.2698], atol=5e-5)
