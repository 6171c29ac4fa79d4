"""Settings: read off the trials at hand, and compared field by field."""

from __future__ import annotations

import dataclasses

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.reproduction.setting import Setting

OURS = Setting(data="maze", bin_ms=5.0, phase="val", units=4, train_trials=3, test_trials=1)


def some_trials() -> Trials:
    split = ["train", "train", "valid", "test"]
    return Trials.from_arrays(np.ones((4, 6, 4), int), bin_s=0.005, heldin=[0, 1, 2], split=split, name="maze")


def test_it_is_read_off_the_trials() -> None:
    trials = some_trials()
    assert Setting.of(trials) == dataclasses.replace(OURS, phase=None)
    benchmark = {"benchmark": {"dataset": "mc_maze", "bin_ms": 5, "phase": "val"}}
    assert Setting.of(dataclasses.replace(trials, provenance=benchmark)) == dataclasses.replace(OURS, data="mc_maze")
    both = Setting.of([trials, trials])
    assert (both.units, both.train_trials, both.test_trials) == (8, 6, 2)


def test_only_what_a_published_setting_names_is_compared() -> None:
    assert Setting(data="maze", bin_ms=5.0).differences(OURS) == []
    assert dataclasses.replace(OURS, release="1.0").differences(OURS) == []
    other = Setting(data="maze", bin_ms=20.0, phase="test", train_trials=4)
    assert other.differences(OURS) == [
        "bin width in ms 5 here, 20 published",
        "phase val here, test published",
        "training trials 3 here, 4 published",
    ]
    assert Setting(data="maze", bin_ms=5.0, phase="val").differences(dataclasses.replace(OURS, phase=None)) == [
        "phase none here, val published"
    ]
