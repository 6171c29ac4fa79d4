"""The data set `cell_types`: sessions of their own neurons, windows in time, types that travel with the trials."""

import numpy as np
import pytest

from neurodyn.data import store
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.simulate.datasets.cell_types import CellTypes

SMALL = {"units": 12, "windows": 10, "bins": 20}


@pytest.fixture(scope="module")
def sessions():
    return CellTypes.with_options(sessions=3, **SMALL).load()


def test_sessions_have_other_neurons_and_fit_together(sessions):
    assert [t.session for t in sessions] == ["session_0", "session_1", "session_2"]
    assert DataSpec.of(sessions).sessions[1].units == 12
    assert not np.allclose(sessions[0].neural.values, sessions[1].neural.values)


def test_a_session_does_not_depend_on_the_others(sessions):
    alone = CellTypes.with_options(sessions=1, first=2, **SMALL).load()[0]
    np.testing.assert_array_equal(alone.neural.values, sessions[2].neural.values)
    assert alone.unit_table.equals(sessions[2].unit_table)


def test_windows_follow_each_other_and_are_split_in_time(sessions):
    trials = sessions[0]
    assert trials.neural.kind == "fluorescence" and trials.bin_s == 0.25 and trials.bins == 20
    assert list(trials.table["start_bin"]) == list(range(0, 200, 20))
    assert [len(trials.part(name)) for name in ("train", "valid", "test")] == [7, 2, 1]
    assert set(trials.of_role("behaviour")) == {"running", "pupil", "state"}
    assert trials.behaviour.shape == (10, 20, 3)
    assert trials.truth["rates"].shape == trials.neural.values.shape
    whole = trials.neural.values.reshape(-1, 12)
    np.testing.assert_allclose([whole.mean(), whole.std()], [0, 1], atol=1e-5)


def test_types_survive_selection_and_the_disk(sessions, tmp_path):
    trials = sessions[0].train.select([2, 0])
    assert trials.unit_table is sessions[0].unit_table
    again = store.load(store.save(trials, tmp_path / "trials.h5"))
    assert again.unit_table.equals(trials.unit_table)
    assert store.load(tmp_path / "trials.h5", lazy=True).unit_table.equals(trials.unit_table)


@pytest.mark.parametrize(
    ("field", "value"), [("sessions", 0), ("windows", 2), ("first", -1), ("split", (1.0, 0.0, 1.0))]
)
def test_impossible_options_are_refused(field, value):
    with pytest.raises(InvalidInput, match=field):
        CellTypes.with_options(**{field: value})
