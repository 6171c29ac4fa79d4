"""The clock: worked values of the benchmark's specification."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.data.nlb.clock import NEVER, clock_ns, count, inside, joined, ms_ns, observed_ms, row_from, spike_ms


def test_spikes_fall_in_the_millisecond_they_are_written_in() -> None:
    ms = spike_ms(np.array([0.0029999999, 0.003, 0.0049, 0.005]))
    assert ms.tolist() == [3, 3, 4, 5]
    assert count([ms], np.array([0]), 2, 5)[0, :, 0].tolist() == [3, 1]


def test_every_whole_millisecond_is_its_own() -> None:
    whole = np.arange(100_000)
    assert np.array_equal(spike_ms(whole / 1000), whole)


def test_a_spike_on_a_windows_end_belongs_to_the_next_bin_and_no_spike_is_lost() -> None:
    rng = np.random.default_rng(0)
    ms = np.sort(rng.integers(0, 2000, 500))
    ms[100] = 700
    counts = count([np.sort(ms)], np.array([0, 35]), 35, 20)
    assert counts[0].sum() == (ms < 700).sum()
    assert counts[1].sum() == ((ms >= 700) & (ms < 1400)).sum()


@pytest.mark.parametrize(("bin_ms", "edge", "bins"), [(20, 1.0, 35), (5, 0.985, 140)])
def test_windows_start_on_the_recordings_clock(bin_ms: int, edge: float, bins: int) -> None:
    event = clock_ns(np.array([1.2345]), np.array([0]))
    first = row_from(event + ms_ns(-250), bin_ms)
    assert first[0] * bin_ms / 1000 == edge
    assert row_from(event + ms_ns(450), bin_ms)[0] == first[0] + bins  # the forward window starts at the next bin


def test_bins_are_known_where_their_first_millisecond_is() -> None:
    intervals = observed_ms(np.array([[0.0033, 0.0250]]), 100)
    assert intervals.tolist() == [[4, 25]]
    known = inside(np.arange(0, 30, 5), intervals)
    assert known.tolist() == [False, True, True, True, True, False]
    assert inside(np.arange(30), intervals).nonzero()[0].tolist() == list(range(4, 25))


def test_intervals_are_sorted_joined_and_cut_to_the_recording() -> None:
    assert observed_ms(np.array([[0.5, 0.7], [0.1, 0.2], [0.2, 0.3], [0.9, 2.0], [0.4, 0.4]]), 1000).tolist() == [
        [100, 300],
        [500, 700],
        [900, 1000],
    ]
    assert joined(np.array([[0, 10], [2, 4], [5, 12]])).tolist() == [[0, 12]]
    assert joined(np.empty((0, 2), int)).shape == (0, 2)
    assert not inside(np.arange(3), np.empty((0, 2), int)).any()


def test_missing_times_never_come() -> None:
    assert clock_ns(np.array([np.nan, 0.1]), np.array([0, 300])).tolist() == [NEVER, 400_000_000]


def test_20_ms_counts_are_sums_of_5_ms_counts_only_on_the_same_grid() -> None:
    ms = np.sort(np.random.default_rng(1).integers(0, 3000, 800))
    for start, same in ((1000, True), (1005, False)):
        narrow = count([ms], np.array([start // 5]), 140, 5)[0, :, 0].reshape(35, 4).sum(1)
        wide = count([ms], row_from(np.array([ms_ns(start)]), 20), 35, 20)[0, :, 0]
        assert np.array_equal(narrow, wide) is same
