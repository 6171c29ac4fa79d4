"""Binning conserves spikes, moves with the clock, and splits are a partition: for any spikes, windows and fractions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.data.binned import Binned
from neurodyn.data.binning import bin_edges, bin_spikes, resample, ticks
from neurodyn.data.recording import Recording
from neurodyn.data.splits import check_splits, hold_out_units, split_trials
from neurodyn.data.trials import SPLITS, Trials

settings.register_profile("unhurried", deadline=None)  # a busy machine is not a failure
settings.load_profile("unhurried")

spike_ns = st.lists(st.integers(0, 2_000_000_000), max_size=60).map(lambda times: np.sort(np.array(times, np.int64)))
widths = st.sampled_from([0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 1 / 30, 1 / 7])


@given(spike_ns, widths, st.integers(1, 40), st.integers(0, 10**9))
def test_every_spike_of_a_window_falls_in_exactly_one_bin(spikes, bin_s, bins, start):
    edges = bin_edges(bins, bin_s)
    counts = bin_spikes([spikes], np.array([start]), edges)[0, :, 0]
    assert counts.sum() == ((spikes >= start) & (spikes < start + edges[-1])).sum()
    for k in range(bins):  # the definition, bin by bin
        assert counts[k] == ((spikes >= start + edges[k]) & (spikes < start + edges[k + 1])).sum()


@given(spike_ns, widths, st.integers(1, 30), st.integers(-(10**12), 10**12))
def test_counts_move_with_the_clock(spikes, bin_s, bins, shift):
    edges = bin_edges(bins, bin_s)
    here = bin_spikes([spikes], np.array([500_000_000]), edges)
    there = bin_spikes([spikes + shift], np.array([500_000_000 + shift]), edges)
    assert np.array_equal(here, there)


@given(spike_ns, st.integers(1, 12), st.integers(1, 12))
def test_windows_side_by_side_hold_what_one_long_window_holds(spikes, windows, bins):
    edges = bin_edges(bins, 0.01)
    parts = bin_spikes([spikes], np.arange(windows) * edges[-1], edges)
    whole = bin_spikes([spikes], np.array([0]), bin_edges(windows * bins, 0.01))
    assert np.array_equal(parts.ravel(), whole.ravel())


@given(st.integers(0, 200_000), st.sampled_from([1, 5, 10, 20, 50]))
def test_a_spike_on_an_edge_belongs_to_the_bin_it_opens(k, width_ms):
    time = ticks(k * width_ms / 1000)  # seconds that no float holds exactly
    counts = bin_spikes([np.array([time])], np.array([0]), bin_edges(k + 2, width_ms / 1000))[0, :, 0]
    assert np.flatnonzero(counts).tolist() == [k]


@given(st.integers(2, 200), st.integers(1, 6))
def test_averaging_keeps_the_mean(samples, per_bin):
    bins = samples // per_bin
    if bins == 0:
        return
    values = np.random.default_rng(samples).normal(size=(samples, 2)).astype(np.float32)
    times = ticks(np.arange(samples) * 0.001)
    binned = resample(times, values, np.array([0]), bin_edges(bins, per_bin * 0.001))[0]
    assert binned == pytest.approx(values[: bins * per_bin].reshape(bins, per_bin, 2).mean(1), abs=1e-5)


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_aligned_trials_equal_a_direct_count(seed):
    rng = np.random.default_rng(seed)
    spikes = [np.sort(rng.uniform(0, 10, rng.integers(0, 200))) for _ in range(3)]
    events = np.sort(rng.uniform(1, 8, 5))
    recording = Recording(spikes, trials=pd.DataFrame({"go": events}), span=(0.0, 10.0))
    trials = recording.align("go", (-0.5, 1.0), 0.05)
    for i, event in enumerate(events):
        for unit, times in enumerate(spikes):
            assert trials.counts[i, :, unit].sum() == ((times >= event - 0.5) & (times < event + 1.0)).sum()


@given(st.integers(10, 200), st.sampled_from(["random", "block"]), st.integers(0, 5))
def test_splits_are_disjoint_and_complete(n, by, seed):
    split = split_trials(Trials.from_arrays(np.ones((n, 2, 1), int), bin_s=0.01), (0.6, 0.2, 0.2), by, seed)
    assert [len(split.part(name)) for name in SPLITS] == [int(0.6 * n), int(0.2 * n), n - int(0.6 * n) - int(0.2 * n)]
    assert split.table["split"].isin(SPLITS).all()


@given(st.integers(2, 100), st.floats(0.01, 0.9), st.integers(0, 5))
def test_held_out_units_are_the_rest(units, fraction, seed):
    trials = Trials.from_arrays(np.ones((2, 3, units), int), bin_s=0.01)
    if max(round(fraction * units), 1) >= units:
        return
    held = hold_out_units(trials, fraction, seed)
    assert sorted([*held.heldin, *held.heldout]) == list(range(units))
    assert len(held.heldout) == max(round(fraction * units), 1)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 8), st.integers(1, 8))
def test_windows_never_cross_a_segment(lengths, bins, stride):
    if max(lengths) < bins:
        return
    segment = np.repeat(np.arange(len(lengths)), lengths)
    index = np.arange(len(segment))
    trials = Binned(index[:, None], 0.01, segment=segment, behaviour={"at": index}).windows(bins, stride=stride)
    assert len(trials) == sum(max(0, (n - bins) // stride + 1) for n in lengths)
    first = np.concatenate([[0], np.cumsum(lengths)])
    for row in range(len(trials)):
        s, start = trials.table["segment"][row], trials.table["start_bin"][row]
        expected = first[s] + start + np.arange(bins)
        assert trials.counts[row, :, 0].tolist() == expected.tolist()
        assert (segment[expected] == s).all()
        assert trials.signals["at"].values[row, :, 0].tolist() == expected.tolist()


@given(st.integers(1, 5), st.integers(6, 40), st.integers(0, 10**6))
def test_the_overlap_check_finds_every_shared_bin(bins, n, seed):
    rng = np.random.default_rng(seed)
    start = rng.choice(200, n, replace=False)
    label = rng.permutation(np.array(["train", "valid", "test"] * n)[:n]).astype(object)
    table = pd.DataFrame({"segment": 0, "start_bin": start, "split": label})
    trials = Trials.from_arrays(np.ones((n, bins, 1), int), bin_s=0.01, table=table)
    apart, other = np.abs(start[:, None] - start), label[:, None] != label
    if (other & (apart < bins)).any():
        with pytest.raises(ValueError, match="overlapping windows"):
            check_splits(trials)
    else:
        check_splits(trials)
