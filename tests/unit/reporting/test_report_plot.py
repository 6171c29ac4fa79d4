from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurodyn.reporting import plot

FINITE = st.floats(-1e12, 1e12, allow_nan=False)


@given(arrays(np.float64, st.integers(1, 40), elements=st.one_of(FINITE, st.just(np.nan))))
def test_numbers_keep_a_thousandth_of_their_range(values):
    back = np.array(json.loads(plot.to_json(values)), dtype=float)
    finite = np.isfinite(values)
    assert (np.isfinite(back) == finite).all()
    if finite.any():
        span = np.ptp(values[finite]) or np.abs(values[finite]).max()
        largest = np.abs(values[finite]).max()
        assert np.abs(back[finite] - values[finite]).max() <= 1e-3 * span + 1e-12 * largest


def test_json_cannot_end_its_script():
    text = plot.to_json({"title": "</script><b>", "x": np.array([np.inf, 1.0]), "n": np.int64(3)})
    assert "<" not in text
    assert json.loads(text) == {"title": "</script><b>", "x": [None, 1.0], "n": 3}


def test_panels_do_not_overlap():
    places = plot.grid(2, 3)
    assert len(places) == 6
    for i, (x, y) in enumerate(places):
        assert 0 <= x[0] < x[1] <= 1 and 0 <= y[0] < y[1] <= 1
        for other_x, other_y in places[i + 1 :]:
            assert x[1] <= other_x[0] or other_x[1] <= x[0] or y[1] <= other_y[0] or other_y[1] <= y[0]
    assert places[0][1][0] > places[3][1][0], "the first row is on top"


def test_side_by_side_leaves_gaps():
    x, y = plot.side_by_side(np.ones((3, 5)), 0.1, gap_bins=2)
    assert x.shape == y.shape == (21,)
    assert np.isnan(y).sum() == 6
    assert np.allclose(np.diff(x), 0.1)


def test_average_ignores_what_is_missing():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]])
    np.testing.assert_equal(plot.average(values), [2.0, 4.0, np.nan])


@pytest.mark.parametrize("n", [1, 8, 12])
def test_colours_differ(n):
    assert len(set(plot.colours(n))) == n


def test_log_axis_labels_lie_inside():
    axis = plot.log_axis(np.array([0.3, 40.0, 0.0, np.nan]))
    low, high = axis["range"]
    assert low < np.log10(0.3) and high > np.log10(40)
    assert all(low <= np.log10(t) <= high for t in axis["tickvals"])
    assert "tickvals" in plot.log_axis(np.array([]))


def test_small_positive_values_beside_large_ones_keep_their_digits() -> None:
    values = np.array([1.0, 0.00123456, 3.21e-5])
    np.testing.assert_allclose(json.loads(plot.to_json(values)), values, rtol=1e-3)
