"""What a check finds in recordings with known faults."""

import numpy as np
import pandas as pd
import pytest

from neurodyn.data.binned import Binned
from neurodyn.data.check import advised_bin_s, check
from neurodyn.data.continuous import ContinuousSignal
from neurodyn.data.recording import Recording
from neurodyn.data.trials import Trials
from submission_trials import benchmark_trials


def found(result, what):
    return [f for f in result.findings if f.what == what]


def poisson_train(rng, rate, stop=60.0, refractory=0.002):
    times = np.cumsum(rng.exponential(1 / rate, int(3 * rate * stop)) + refractory)
    return times[times < stop]


@pytest.fixture
def trains():
    rng = np.random.default_rng(0)
    return [poisson_train(rng, rate) for rate in (5.0, 10.0, 20.0, 8.0)]


def test_a_clean_recording_has_no_findings(trains):
    result = check(Recording(trains, span=(0.0, 60.0)))
    assert result.findings == ()
    assert result.units["rate_hz"].tolist() == pytest.approx([len(t) / 60 for t in trains])


def test_silent_and_nearly_silent_units(trains):
    result = check(Recording([*trains, np.array([]), np.array([1.0, 30.0])], span=(0.0, 60.0)))
    assert "1 units never fire: 4" in found(result, "silent units")[0].detail
    assert "1 units below 0.1 Hz: 5" in found(result, "nearly silent units")[0].detail
    assert result.findings[0].level == "warning"


def test_duplicated_units_identical_or_nearly_so(trains):
    rng = np.random.default_rng(1)
    noisy = np.sort(np.concatenate([trains[1][rng.random(len(trains[1])) < 0.8], rng.uniform(0, 60, 60)]))
    (finding,) = found(check(Recording([*trains, trains[0].copy(), noisy], span=(0.0, 60.0))), "duplicated units")
    assert "0 and 4 (100%)" in finding.detail and "1 and 5" in finding.detail
    assert "2 and" not in finding.detail and "3 and" not in finding.detail


def test_short_intervals_and_repeated_spikes(trains):
    twice = np.sort(np.concatenate([trains[0], trains[0][:20]]))
    result = check(Recording([twice, *trains[1:]], span=(0.0, 60.0)))
    assert "0 (20)" in found(result, "repeated spikes")[0].detail
    assert found(result, "short intervals")[0].detail.startswith("over 1 % under 1 ms in units 0 (")


def test_a_stretch_without_spikes_is_a_gap(trains):
    cut = [t[(t < 20) | (t > 35)] for t in trains]
    (finding,) = found(check(Recording(cut, span=(0.0, 60.0))), "gap")
    assert finding.level == "warning" and finding.detail.count(" to ") == 1
    observed = np.array([[0.0, 20.0], [35.0, 60.0]])
    assert not found(check(Recording(cut, span=(0.0, 60.0), observed=observed)), "gap")


def test_missing_behaviour_and_gaps_between_samples(trains):
    hand = np.ones((1000, 2))
    hand[:100] = np.nan
    times = np.arange(1000) / 100
    times[500:] += 3
    recording = Recording(
        trains,
        {"hand": ContinuousSignal(hand, timestamps=times)},
        pd.DataFrame({"start_time": [1.0, 2.0], "go": [1.0, np.nan]}),
        span=(0.0, 60.0),
    )
    result = check(recording)
    assert found(result, "NaN behaviour")[0].detail == "hand: 10.0% of the samples"
    assert "4.99 to 8.00 s" in found(result, "gap")[0].detail
    assert found(result, "missing values")[0].detail == "go: 1 of 2 trials"


@pytest.mark.parametrize(
    ("rates", "binned", "expected"),
    [
        ([20.0, 20.0], 0.0, 0.005),
        ([10.0, 0.0], 0.0, 0.01),
        ([3.0], 0.0, 0.05),
        ([0.2], 0.0, 0.1),
        ([20.0], 0.05, 0.05),
        ([0.0], 0.0, 0.1),
    ],
)
def test_the_advised_bin_width_follows_its_rule(rates, binned, expected):
    assert advised_bin_s(np.array(rates), binned) == expected


def test_binned_recordings_are_checked_too():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (2000, 5))
    counts[:, 3] = counts[:, 1]
    counts[:, 4] = 0
    counts[500:700] = 0
    eye = np.ones(2000)
    eye[:500] = np.nan
    result = check(Binned(counts, 0.05, behaviour={"eye": eye}))
    assert "1 and 3 (100%)" in found(result, "duplicated units")[0].detail
    assert found(result, "silent units") and result.bin_s == 0.05
    assert "25.00 to 35.00" in found(result, "gap")[0].detail or "24.95 to 35.00" in found(result, "gap")[0].detail
    assert found(result, "NaN behaviour")[0].detail == "eye: 25.0% of the samples"


def test_trials_are_checked_where_they_have_data():
    counts = np.random.default_rng(0).poisson(1.0, (20, 10, 3))
    mask = np.ones((20, 10), bool)
    mask[:, 5:] = False
    hand = np.ones((20, 10, 1))
    hand[:, 5:] = np.nan
    result = check(Trials.from_arrays(counts, bin_s=0.1, mask=mask, behaviour={"hand": hand}))
    assert result.findings == ()
    assert result.summary["trials"] == 20
    assert result.units["rate_hz"].tolist() == pytest.approx((counts[:, :5].mean((0, 1)) / 0.1).tolist())


def test_fluorescence_has_no_rates_and_no_advised_bin():
    result = check(Binned(np.random.default_rng(0).normal(size=(100, 3)), 0.1, kind="fluorescence"))
    assert result.bin_s is None and "rate_hz" not in result.units


def test_a_check_can_be_written_as_json(trains):
    import json

    values = json.loads(json.dumps(check(Recording([*trains, np.array([])], span=(0.0, 60.0))).as_mapping()))
    assert values["findings"][0]["what"] == "silent units" and len(values["units"]) == 5


def test_withheld_counts_are_not_silence():
    trials = benchmark_trials(phase="test")
    whole = check(benchmark_trials(phase="test").train)
    withheld = trials.select(np.r_[0:20, [20] * 300])  # far more withheld than known
    assert found(check(withheld), "nearly silent units") == []
    assert check(withheld).units["rate_hz"][1] == pytest.approx(trials.counts[:20, :, 1].mean() / trials.bin_s)
    unseen = check(trials.test)
    assert np.isnan(unseen.units["rate_hz"][1]) and found(unseen, "silent units") == []
    assert whole.units["rate_hz"].notna().all()
