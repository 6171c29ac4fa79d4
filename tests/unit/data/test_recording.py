"""Aligning and binning a recording, and everything wrong with one."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.continuous import ContinuousSignal
from neurodyn.data.recording import Recording
from neurodyn.errors import InvalidInput, UnknownName


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)
    spikes = [np.sort(rng.uniform(0, 20, 400)) for _ in range(4)]
    clock = np.arange(20000) / 1000
    hand = np.stack([clock, 2 * clock], 1)
    trials = pd.DataFrame(
        {
            "start_time": [1.0, 4.0, 9.0],
            "stop_time": [2.0, 5.5, 10.25],
            "go": [1.2, np.nan, 9.2],
            "target": ["a", "b", "a"],
            "hard": [True, False, True],
        }
    )
    return Recording(
        spikes,
        {
            "hand": ContinuousSignal(hand, rate_hz=1000.0, units="m"),
            "slow": ContinuousSignal(np.arange(40.0), rate_hz=2.0),
        },
        trials,
        intervals={"rewards": pd.DataFrame({"start_time": [3.0], "stop_time": [3.5]})},
        span=(0.0, 20.0),
    )


def test_align_counts_what_lies_in_each_bin(recording):
    trials = recording.align("start_time", (-0.5, 1.0), 0.05, condition="target")
    assert trials.counts.shape == (3, 30, 4)
    for row, event in enumerate([1.0, 4.0, 9.0]):
        for unit in range(4):
            times = recording.spike_times[unit]
            expected = [
                ((times >= event - 0.5 + k * 0.05) & (times < event - 0.45 + k * 0.05)).sum() for k in range(30)
            ]
            assert trials.counts[row, :, unit].tolist() == expected
    assert trials.conditions.tolist() == ["a", "b", "a"]
    assert trials.table["start_s"].tolist() == pytest.approx([0.5, 3.5, 8.5])
    assert trials.table["from_event_s"].tolist() == [-0.5] * 3
    assert trials.table["hard"].tolist() == [True, False, True]


def test_a_condition_can_be_several_columns(recording):
    trials = recording.align("start_time", (0.0, 1.0), 0.1, condition=["target", "hard"])
    assert trials.conditions.tolist() == ["a / True", "b / False", "a / True"]


def test_behaviour_is_averaged_in_the_bins_and_lagged(recording):
    trials = recording.align("start_time", (0.0, 1.0), 0.1, behaviour=["hand"], lag_s=0.2)
    hand = trials.signals["hand"]
    middle = 1.0 + 0.2 + 0.1 * np.arange(10) + 0.0495  # mean of the 100 samples of a bin
    assert hand.values[0, :, 0] == pytest.approx(middle, abs=1e-5)
    assert hand.values[0, :, 1] == pytest.approx(2 * middle, abs=1e-5)
    assert (hand.role, hand.units) == ("behaviour", "m")


def test_behaviour_covers_the_observed_bins_only(recording):
    trials = recording.align("start_time", (0.0, 1.0), 0.1, behaviour=["hand"], forward=3)
    assert trials.signals["hand"].values.shape == (3, 7, 2)
    assert trials.counts.shape[1] == 10


def test_slow_signals_are_interpolated_not_repeated(recording):
    slow = recording.align("start_time", (0.0, 1.0), 0.1, behaviour=["slow"]).signals["slow"].values
    assert slow[0, :, 0] == pytest.approx(2 * (1.05 + 0.1 * np.arange(10)), abs=1e-5)


def test_behaviour_past_the_end_is_nan_not_made_up():
    recording = Recording(
        [np.array([1.0])],
        {"hand": ContinuousSignal(np.ones((900, 1)), rate_hz=1000.0)},
        pd.DataFrame({"go": [0.5]}),
        span=(0.0, 2.0),
    )
    hand = recording.align("go", (0.0, 1.0), 0.1, behaviour=["hand"]).signals["hand"].values[0, :, 0]
    assert np.isfinite(hand[:4]).all() and np.isnan(hand[4:]).all()


def test_a_gap_between_samples_is_not_bridged():
    times = np.concatenate([np.arange(0, 1, 0.1), np.arange(5, 6, 0.1)])
    recording = Recording(
        [np.array([1.0])],
        {"x": ContinuousSignal(times, timestamps=times)},
        pd.DataFrame({"go": [0.0]}),
        span=(0.0, 6.0),
    )
    x = recording.align("go", (0.0, 6.0), 0.05, behaviour=["x"]).signals["x"].values[0, :, 0]
    assert np.isnan(x[20:99]).all()
    assert x[10] == pytest.approx(0.525, abs=1e-6)


def test_unequal_lengths_are_a_mask(recording):
    trials = recording.align("start_time", (0.0, "stop_time"), 0.25, behaviour=["hand"])
    assert trials.mask.sum(1).tolist() == [4, 6, 5]
    assert (trials.counts[~trials.mask] == 0).all()
    assert np.isnan(trials.signals["hand"].values[~trials.mask]).all()
    assert trials.counts[0].sum() == sum(((t >= 1.0) & (t < 2.0)).sum() for t in recording.spike_times)


def test_windows_cut_the_whole_recording(recording):
    trials = recording.windows(40, 0.05, behaviour=["hand"], forward=8, lag_s=0.1)
    assert len(trials) == 10 and trials.bins == 40
    assert trials.counts.sum() == sum(len(t) for t in recording.spike_times)
    assert trials.table["start_bin"].tolist() == list(range(0, 400, 40))
    assert trials.signals["hand"].values.shape == (10, 32, 2)
    assert trials.signals["hand"].values[1, 0, 0] == pytest.approx(2.0 + 0.1 + 0.0245, abs=1e-5)


def test_observed_intervals_are_segments(recording):
    import dataclasses

    broken = dataclasses.replace(recording, observed=np.array([[0.0, 5.0], [6.0, 20.0]]))
    table = broken.windows(40, 0.05).table
    assert table["segment"].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert table["start_s"].tolist() == pytest.approx([0, 2, 6, 8, 10, 12, 14, 16, 18])
    with pytest.raises(InvalidInput, match="trial 1"):
        broken.align("start_time", (0.0, 1.5), 0.1)


def test_intervals_that_touch_are_one(recording):
    import dataclasses

    joined = dataclasses.replace(recording, observed=np.array([[0.0, 3.0], [3.0, 5.0], [6.0, 7.0], [7.0, 20.0]]))
    assert joined.observed.tolist() == [[0.0, 5.0], [6.0, 20.0]]
    with pytest.raises(InvalidInput, match="no time in which every unit"):
        dataclasses.replace(recording, observed=np.zeros((0, 2))).windows(10, 0.1)


def test_fluorescence_can_be_the_population(recording):
    rng = np.random.default_rng(1)
    traces = ContinuousSignal(rng.normal(size=(600, 5)), rate_hz=30.0, role="neural")
    imaging = Recording((), {"dff": traces}, recording.trials)
    trials = imaging.align("start_time", (0.0, 1.0), 0.1)
    assert trials.neural.kind == "fluorescence" and trials.neural.values.shape == (3, 10, 5)
    assert trials.neural.values[0, 0] == pytest.approx(traces.values[30:33].mean(0), abs=1e-5)


def test_a_video_comes_as_frames_a_bin(recording):
    import dataclasses

    frames = ContinuousSignal(np.ones((200, 4, 6), np.uint8), rate_hz=10.0, role="stimulus")
    seen = dataclasses.replace(recording, signals={"movie": frames}).align(
        "start_time", (0.0, 1.0), 0.1, stimulus=["movie"]
    )
    assert seen.signals["movie"].kind == "video" and seen.signals["movie"].values.shape == (3, 10, 4, 6)


def test_missing_events_are_refused_or_left_out(recording):
    with pytest.raises(InvalidInput, match=r"go: got NaN .* trial 1"):
        recording.align("go", (0.0, 1.0), 0.1)
    assert len(recording.align("go", (0.0, 1.0), 0.1, drop_missing=True)) == 2


def test_windows_outside_are_refused_masked_or_dropped(recording):
    with pytest.raises(InvalidInput, match="window outside the recording in trial 0;"):
        recording.align("start_time", (-2.0, 1.0), 0.1)
    masked = recording.align("start_time", (-2.0, 1.0), 0.1, outside="mask")
    assert masked.mask.sum(1).tolist() == [20, 30, 30]
    assert not masked.mask[0, :10].any()
    assert len(recording.align("start_time", (-2.0, 1.0), 0.1, outside="drop")) == 2
    with pytest.raises(InvalidInput, match="none whose window"):
        recording.align("start_time", (100.0, 101.0), 0.1, outside="drop")


def test_messages_number_trials_as_the_table_does(recording):
    with pytest.raises(InvalidInput, match="trial 2"):
        recording.align("go", (9.0, 11.0), 0.1, drop_missing=True)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"event": "starttime"}, UnknownName, "Did you mean 'start_time'"),
        ({"event": "target"}, InvalidInput, "times in seconds"),
        ({"window": (0.0, 0.33)}, InvalidInput, "whole number of bins"),
        ({"window": (1.0, 0.5)}, InvalidInput, "at least one"),
        ({"bin_s": 0.0}, InvalidInput, "above 0"),
        ({"behaviour": ["hnd"]}, UnknownName, "Did you mean 'hand'"),
        ({"condition": "targt"}, UnknownName, "Did you mean 'target'"),
        ({"table": "reward"}, UnknownName, "Did you mean 'rewards'"),
        ({"window": (0.0, "stop"), "bin_s": 0.1}, UnknownName, "stop_time"),
        ({"window": (2.0, "stop_time")}, InvalidInput, "less than one bin after the start in trials 0, 1, 2"),
        ({"forward": 10}, InvalidInput, "forward"),
        ({"window": (0.0, "stop_time"), "forward": 1}, InvalidInput, "trials of one length"),
    ],
)
def test_bad_requests_name_the_field(recording, change, error, match):
    request = {"event": "start_time", "window": (0.0, 1.0), "bin_s": 0.1, **change}
    with pytest.raises(error, match=match):
        recording.align(**request)


@pytest.mark.parametrize(
    ("times", "match"),
    [
        ([0.1, 0.3, 0.2], r"spike_times\[1\]: got unsorted times .* at spike 1"),
        ([0.1, np.nan], r"spike_times\[1\]: got nan at spike 1"),
        ([0.1, np.inf], "finite times"),
        ([0.1, 30.0], r"a spike at 30 s; expected times within the recording, 0 to 20 s"),
        ([-0.1, 0.2], "a spike at -0.1 s"),
        ([[0.1, 0.2]], "shape"),
    ],
)
def test_bad_spike_times_are_refused(times, match):
    with pytest.raises(InvalidInput, match=match):
        Recording([np.array([1.0]), np.array(times)], span=(0.0, 20.0))


def test_lazy_spike_times_are_checked_when_read():
    class Lazy(Sequence):
        def __len__(self):
            return 1

        def __getitem__(self, unit):
            return np.array([0.5, 0.4])

    recording = Recording(Lazy(), trials=pd.DataFrame({"go": [0.1]}), span=(0.0, 1.0))
    with pytest.raises(InvalidInput, match="unsorted"):
        recording.align("go", (0.0, 0.5), 0.1)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"span": (2.0, 1.0)}, "start before stop"),
        ({"observed": np.array([[0.0, 3.0], [2.0, 4.0]])}, "do not overlap"),
        ({"unit_names": ("a", "b")}, "2 units"),
    ],
)
def test_bad_recordings_are_refused(fields, match):
    with pytest.raises(InvalidInput, match=match):
        Recording([np.array([1.0])], **fields)


def test_a_recording_without_trials_says_what_it_holds():
    recording = Recording(
        [np.array([1.0])], intervals={"rewards": pd.DataFrame({"start_time": [1.0]})}, span=(0.0, 2.0)
    )
    with pytest.raises(InvalidInput, match="rewards"):
        recording.align("start_time", (0.0, 1.0), 0.1)
    with pytest.raises(InvalidInput, match="no units with spikes"):
        Recording(trials=pd.DataFrame({"go": [0.1]}), span=(0.0, 1.0)).align("go", (0.0, 0.5), 0.1)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({}, "neither"),
        ({"timestamps": np.arange(3.0), "rate_hz": 1.0}, "both"),
        ({"timestamps": np.arange(2.0)}, "2 timestamps"),
        ({"rate_hz": 0.0}, "above 0"),
    ],
)
def test_bad_signals_are_refused(fields, match):
    with pytest.raises(InvalidInput, match=match):
        ContinuousSignal(np.zeros((3, 1)), **fields)


@pytest.mark.parametrize(
    ("times", "match"), [([0.0, 2.0, 1.0], "goes back at sample 2"), ([0.0, np.nan, 1.0], "nan at sample 1")]
)
def test_bad_timestamps_are_refused_when_read(times, match):
    with pytest.raises(InvalidInput, match=match):
        ContinuousSignal(np.zeros((3, 1)), timestamps=np.array(times)).times()
