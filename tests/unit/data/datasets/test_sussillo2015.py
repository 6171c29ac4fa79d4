"""The reach study's files as a data set, in the format that the learning-rule study expects."""

import numpy as np
import pytest
from scipy.io import savemat

import neurodyn as nd
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.similarity.condition_averages import condition_averages

RATES = np.random.default_rng(0).random((6, 196, 27))
MUSCLES = np.random.default_rng(1).random((3, 66, 27))


def write(folder, rates=RATES, muscles=MUSCLES):
    savemat(folder / "neuralforRNN_Sussillo2015.mat", {"neuralforRNN_Sussillo2015": rates})
    savemat(folder / "EMGforRNN_Sussillo2015.mat", {"EMGforRNN_Sussillo2015": muscles})
    return str(folder)


def test_rows_are_reaches_in_the_window_of_the_analysis(tmp_path):
    trials = nd.load("sussillo2015", folder=write(tmp_path))
    assert trials.neural.values.shape == (27, 186, 6)  # section 2.4: samples 10..195
    np.testing.assert_array_equal(trials.neural.values[4, 20], RATES[:, 30, 4])
    found = condition_averages(trials)
    assert (found.start_s, found.bin_s) == (pytest.approx(-1.45), 0.01)
    assert found.conditions == tuple(map(str, range(27)))


def test_muscles_lie_where_they_were_recorded(tmp_path):
    trials = nd.load("sussillo2015", folder=write(tmp_path), window_s=(-1.55, 0.4))
    muscles = trials.signals["muscles"].values
    assert np.isnan(muscles[:, :130]).all()
    np.testing.assert_array_equal(muscles[2, 130], MUSCLES[:, 0, 2])  # at -0.25 s
    np.testing.assert_array_equal(muscles[2, 195], MUSCLES[:, 65, 2])
    assert "muscles" not in nd.load("sussillo2015", folder=str(tmp_path), muscles=False).signals


def test_npz_files_do_too(tmp_path):
    np.savez(tmp_path / "neuralforRNN_Sussillo2015.npz", neuralforRNN_Sussillo2015=RATES)
    trials = nd.load("sussillo2015", folder=str(tmp_path))
    np.testing.assert_array_equal(trials.neural.values[4, 20], RATES[:, 30, 4])
    assert not trials.of_role("behaviour")


def test_bad_files_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "user"))
    with pytest.raises(MissingData, match="Churchland"):
        nd.load("sussillo2015")
    folder = write(tmp_path, muscles=MUSCLES[..., :26])
    with pytest.raises(InvalidInput, match="26 conditions"):
        nd.load("sussillo2015", folder=folder)
    write(tmp_path, muscles=np.concatenate([MUSCLES, MUSCLES], 1))
    with pytest.raises(InvalidInput, match="132 samples"):
        nd.load("sussillo2015", folder=folder)
    write(tmp_path, rates=RATES[0])
    with pytest.raises(InvalidInput, match="neuralforRNN_Sussillo2015"):
        nd.load("sussillo2015", folder=folder)
    write(tmp_path, rates=np.where(RATES > 0.999, np.nan, RATES))
    with pytest.raises(InvalidInput, match="not finite"):
        nd.load("sussillo2015", folder=folder)
    savemat(tmp_path / "neuralforRNN_Sussillo2015.mat", {"other": RATES})
    with pytest.raises(UnknownName, match="neuralforRNN"):
        nd.load("sussillo2015", folder=folder)
    write(tmp_path)
    with pytest.raises(InvalidInput, match="window_s"):
        nd.load("sussillo2015", folder=folder, window_s=(-1.6, 0.0))
