"""Flip-flop of n bits."""

import numpy as np
import pytest

from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, SharedStreams
from neurodyn.tasks.flip_flop import FlipFlop, FlipFlopConfig


@pytest.fixture(scope="module")
def drawn():
    return FlipFlop().sample(SharedStreams(300, 0))


def test_outputs_hold_the_sign_of_the_last_pulse(drawn):
    for trial in range(20):
        for bit in range(3):
            held = 0.0
            for now in range(300):
                held = drawn.stimulus[trial, now, bit] or held
                assert drawn.target[trial, now, bit] == held
                assert drawn.counted[trial, now, bit] == (held != 0)


def test_pulses_are_poisson_with_either_sign(drawn):
    assert drawn.table["pulses"].mean() == pytest.approx(9, rel=0.05)  # 3 bits x 3 s x 1 Hz
    assert drawn.table["pulses"].var() == pytest.approx(9, rel=0.25)
    assert set(np.unique(drawn.stimulus)) == {-1, 0, 1}
    assert (drawn.target > 0).sum() / drawn.counted.sum() == pytest.approx(0.5, abs=0.05)


def test_a_pulse_lasts_as_long_as_it_should():
    drawn = FlipFlop(FlipFlopConfig(bits=1, pulse_rate_hz=0.1, pulse_s=0.05)).sample(SharedStreams(200, 1))
    alone = (drawn.table["pulses"] == 1) & (drawn.counted.sum((1, 2)) > 5)
    assert alone.sum() > 20
    assert ((drawn.stimulus != 0).sum((1, 2))[alone] == 5).all()


def test_one_pulse_a_bin_at_most():
    drawn = FlipFlop(FlipFlopConfig(bits=2, pulse_rate_hz=100.0, pulse_s=0.01)).sample(PerTrialStreams(5, 1))
    assert drawn.table["pulses"].max() <= 600
    assert set(np.unique(drawn.stimulus)) == {-1, 0, 1}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("bits", 0),
        ("duration_s", 0.0),
        ("duration_s", 1.005),
        ("pulse_s", 0.001),
        ("pulse_s", 5.0),
        ("pulse_rate_hz", 0.0),
        ("pulse_rate_hz", 200.0),
        ("bin_s", -1.0),
    ],
)
def test_bad_options_name_the_field(option, value):
    with pytest.raises(InvalidInput, match=option):
        FlipFlop(from_dict(FlipFlopConfig, {option: value}))


def test_noise_silence_and_what_is_not_compared():
    plain = FlipFlop(FlipFlopConfig(pulse_rate_hz=4.0)).sample(SharedStreams(60, 2))
    config = FlipFlopConfig(pulse_rate_hz=4.0, noise_std=0.15, silent_s=0.2, transition_s=0.04, settle_s=0.3)
    drawn = FlipFlop(config).sample(SharedStreams(60, 2))
    assert (drawn.target[:, :20] == 0).all()
    assert (plain.target[:, :20] != 0).any()
    assert (drawn.target != 0).any()
    assert (drawn.stimulus - np.round(drawn.stimulus)).std() == pytest.approx(0.15, rel=0.03)
    assert not drawn.counted[:, :30].any()
    for trial in range(10):
        for bit in range(3):
            before, since = 0.0, 1000
            for now in range(300):
                since = 0 if drawn.target[trial, now, bit] != before else since + 1
                before = drawn.target[trial, now, bit]
                assert drawn.counted[trial, now, bit] == (before != 0 and since >= 4 and now >= 30)


@pytest.mark.parametrize("option", ["noise_std", "silent_s", "transition_s", "settle_s"])
def test_what_cannot_be_negative(option):
    with pytest.raises(InvalidInput, match=option):
        FlipFlopConfig(**{option: -0.1})
