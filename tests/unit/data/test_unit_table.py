"""The table of units that trials carry."""

import numpy as np
import pandas as pd
import pytest

from neurodyn.data import store
from neurodyn.data.splits import hold_out_units
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

TABLE = pd.DataFrame(
    {"class": ["excitatory", None, "inhibitory"], "subclass": ["", "", "Sst"], "x_um": [1.0, 2.0, 9.5]}
)


def trials(**more):
    return Trials.from_arrays(np.ones((6, 4, 3), int), bin_s=0.1, **more)


def test_it_is_empty_unless_given(tmp_path):
    plain = trials()
    assert plain.unit_table.empty and len(plain.unit_table.columns) == 0
    assert store.load(store.save(plain, tmp_path / "plain.h5")).unit_table.empty


def test_it_stays_through_selection_holding_out_and_the_disk(tmp_path):
    given = hold_out_units(trials(unit_table=TABLE.set_index(np.array([7, 8, 9]))).select([1, 4]), heldout=[0])
    assert given.unit_table.equals(TABLE)
    again = store.load(store.save(given, tmp_path / "trials.h5")).unit_table
    assert again["subclass"].tolist() == ["", "", "Sst"] and again["class"].isna().tolist() == [False, True, False]
    np.testing.assert_array_equal(again["x_um"], TABLE["x_um"])


def test_it_has_a_row_for_every_unit():
    with pytest.raises(InvalidInput, match="unit_table"):
        trials(unit_table=TABLE[:2])
