"""What holds for every task that networks can be trained on, options drawn too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, ReleasedStreams, SharedStreams
from neurodyn.tasks.context_decision import ContextDecision, ContextDecisionConfig
from neurodyn.tasks.delayed_match import DelayedMatch, DelayedMatchConfig
from neurodyn.tasks.flip_flop import FlipFlop, FlipFlopConfig
from neurodyn.tasks.from_gym import FromGym, FromGymConfig
from neurodyn.tasks.perceptual import Perceptual
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination
from neurodyn.tasks.reach import Reach, ReachConfig
from neurodyn.tasks.reach_emg import ReachEMG, ReachEMGConfig

TASKS = {
    "context_decision": lambda: ContextDecision(),
    "context_decision, release": lambda: ContextDecision(ContextDecisionConfig(mode="release")),
    "context_decision, signed": lambda: ContextDecision(ContextDecisionConfig(form="signed")),
    "delayed_match": lambda: DelayedMatch(DelayedMatchConfig(stimuli=3, delay_s=0.0)),
    "flip_flop": lambda: FlipFlop(FlipFlopConfig(bits=2)),
    "from_gym": lambda: FromGym(FromGymConfig(env="CartPole-v1", policy="gym_policies:lean", steps=10)),
    "perceptual": lambda: Perceptual(),
    "pulse_discrimination": lambda: PulseDiscrimination(),
    "reach": lambda: Reach(ReachConfig(kinematics="minimum_jerk", targets=("conditions", "angles"))),
    "reach_emg": lambda: ReachEMG(),
}


def test_every_task_is_checked():
    assert {name.split(",")[0] for name in TASKS} == set(registry.names("tasks"))


def check(task, trials, number):
    assert trials.stimulus.shape[::2] == (number, task.channels)
    assert trials.target.shape == (*trials.stimulus.shape[:2], task.outputs)
    assert len(trials.table) == number and "condition" in trials.table
    for names, size in ((task.channel_names, task.channels), (task.output_names, task.outputs)):
        assert not names or len(names) == len(set(names)) == size
    assert np.isfinite(trials.stimulus).all() and np.isfinite(trials.target).all()
    mask = np.ones(trials.stimulus.shape[:2], bool) if trials.mask is None else trials.mask
    counted = mask if trials.counted is None else trials.counted
    assert mask.dtype == counted.dtype == bool
    if counted.ndim == 2:
        counted = np.repeat(counted[:, :, None], task.outputs, 2)
    assert counted.shape == trials.target.shape
    assert not counted[~mask].any(), "what is compared lies in the trial"
    assert counted.any()
    if task.classes:
        np.testing.assert_array_equal(trials.target[mask].sum(1), 1)
        assert set(np.unique(trials.target)) <= {0, 1}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("kind", [SharedStreams, PerTrialStreams, ReleasedStreams])
def test_drawn_trials(name, kind):
    task = TASKS[name]()
    first, again, other = (task.sample(kind(7, seed)) for seed in (3, 3, 4))
    assert first.stimulus.shape[1] == task.bins
    check(task, first, 7)
    np.testing.assert_array_equal(first.stimulus, again.stimulus)
    np.testing.assert_array_equal(first.target, again.target)
    assert first.table.equals(again.table)
    if "release" not in name:
        assert not np.array_equal(first.stimulus, other.stimulus)


@pytest.mark.parametrize("name", TASKS)
def test_conditions(name):
    task = TASKS[name]()
    try:
        trials = task.conditions()
    except InvalidInput as error:
        assert "fixed timing" in str(error)
        assert name in ("flip_flop", "from_gym", "pulse_discrimination")
        return
    check(task, trials, len(trials.table))
    assert trials.table["condition"].tolist() == list(range(len(trials.table)))
    np.testing.assert_array_equal(trials.stimulus, task.conditions().stimulus)


interval = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: tuple(sorted(pair)))


@settings(max_examples=40, deadline=None)
@given(before=interval, delay=interval, offset=st.integers(-40, 40), trials=st.integers(1, 12), emg=st.booleans())
def test_reaching_trials_fit_or_are_refused(before, delay, offset, trials, emg):
    config = {"before_cue_bins": before, "delay_bins": delay, "output_offset_bins": offset, "bins": 200}
    earliest, latest = (
        (low + 23) * (not emg) + (low + 8) * emg for low in (before[0] + delay[0], before[1] + delay[1])
    )
    length = 66 if emg else 51
    fits = earliest + offset >= 0 and latest + offset + length <= 200 and (not emg or latest + 8 <= 200)
    try:
        task = ReachEMG(ReachEMGConfig(**config)) if emg else Reach(ReachConfig(kinematics="minimum_jerk", **config))
    except InvalidInput as error:
        assert not fits
        assert error.field in ("task.bins", "task.output_offset_bins")
        return
    assert fits
    drawn = task.sample(SharedStreams(trials, 0))
    check(task, drawn, trials)
    assert (drawn.counted.all(2).sum(1) == drawn.table["output_bin"] + length).all()
