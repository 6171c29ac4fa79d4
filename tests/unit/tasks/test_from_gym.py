"""Gymnasium environments as tasks: gym_policies.py holds the environments and policies."""

import builtins

import numpy as np
import pytest

import gym_policies
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.random_streams import PerTrialStreams
from neurodyn.tasks.from_gym import FromGym, FromGymConfig


def made(env, **options):
    return FromGym(FromGymConfig(env=env, **options))


def test_imitation_of_a_policy():
    task = made("CartPole-v1", policy="gym_policies:lean", steps=50)
    assert task.classes
    assert (task.channels, task.outputs, task.bin_s) == (4, 2, 0.01)
    drawn = task.sample(PerTrialStreams(6, 0))
    assert drawn.mask.all()
    expected = [[gym_policies.lean(now) for now in trial] for trial in drawn.stimulus]
    np.testing.assert_array_equal(drawn.target.argmax(2), expected)
    assert len(np.unique(drawn.stimulus[:, 0], axis=0)) == 6, "trials start from states of their own"


def test_box_actions_are_numbers():
    task = made("Pendulum-v1", policy="gym_policies:against", steps=30, bin_s=0.05)
    drawn = task.sample(PerTrialStreams(3, 0))
    assert not task.classes and task.bin_s == 0.05
    np.testing.assert_allclose(drawn.target[:, :, 0], -drawn.stimulus[:, :, 2] / 8, rtol=1e-6)


def test_ground_truth_in_info_belongs_to_its_observation():
    task = made("gym_policies:Echo-v0", steps=10)
    assert (task.channels, task.output_names) == (5, ("action_-1", "action_0", "action_1", "action_2"))
    drawn = task.sample(PerTrialStreams(20, 0))
    lengths = drawn.mask.sum(1)
    assert set(lengths) == {3, 4, 5, 6}
    assert lengths.tolist() == drawn.table["steps"].tolist()
    for trial, length in enumerate(lengths):
        assert drawn.mask[trial, :length].all()
        colour = drawn.stimulus[trial, :length, :3].argmax(1)
        np.testing.assert_array_equal(drawn.target[trial, :length].argmax(1), colour + (np.arange(length) >= 2))
    assert not drawn.stimulus[~drawn.mask].any() and not drawn.target[~drawn.mask].any()
    np.testing.assert_array_equal(drawn.counted, drawn.mask)


def test_long_episodes_are_cut():
    drawn = made("gym_policies:Echo-v0", steps=3).sample(PerTrialStreams(20, 0))
    assert drawn.stimulus.shape[1] == 3 and drawn.mask.all()


def test_trials_made_at_once():
    task = made("gym_policies:Whole-v0", make_options={"bins": 12}, steps=15)
    assert task.bin_s == 0.02
    drawn = task.sample(PerTrialStreams(10, 0))
    assert (drawn.mask.sum(1) == 12).all()
    assert set(drawn.table.columns) == {"condition", "seed", "steps", "choice"}
    np.testing.assert_array_equal(drawn.target[:, 11].argmax(1), drawn.table["choice"])
    assert (drawn.target[:, :10, 0] == 1).all()


@pytest.mark.parametrize("env", ["gym_policies:Echo-v0", "gym_policies:Whole-v0"])
def test_a_trial_does_not_depend_on_how_many_there_are(env):
    task = made(env)
    many, few = task.sample(PerTrialStreams(9, 2)), task.sample(PerTrialStreams(4, 2))
    np.testing.assert_array_equal(few.stimulus, many.stimulus[:4])
    np.testing.assert_array_equal(few.target, many.target[:4])


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({}, InvalidInput, "the id of an environment"),
        ({"env": "CartPol-v1"}, UnknownName, "CartPole-v1"),
        ({"env": "ba d"}, InvalidInput, "Malformed"),
        ({"env": "no_such_module:Echo-v0"}, InvalidInput, "no_such_module"),
        ({"env": "gym_policies:Echo-v0", "make_options": {"colours": 9}}, InvalidInput, "colours"),
        ({"env": "gym_policies:Words-v0"}, InvalidInput, "fixed size"),
        ({"env": "gym_policies:Switches-v0"}, InvalidInput, "Discrete or Box"),
        ({"env": "CartPole-v1"}, InvalidInput, "Give a policy"),
        ({"env": "gym_policies:Echo-v0", "make_options": {"tells": False}}, InvalidInput, "Give a policy"),
        ({"env": "gym_policies:Whole-v0", "steps": 7}, InvalidInput, "at least 8"),
        ({"env": "gym_policies:Whole-v0", "make_options": {"wrong": True}}, InvalidInput, "right actions"),
        ({"env": "CartPole-v1", "policy": "gym_policies:nothing"}, InvalidInput, "task.policy"),
        ({"env": "CartPole-v1", "policy": "gym_policies:missing"}, InvalidInput, "task.policy"),
        ({"env": "CartPole-v1", "policy": "gym_policies"}, InvalidInput, "task.policy"),
        ({"env": "CartPole-v1", "policy": "math:pi"}, InvalidInput, "a function"),
        ({"env": "CartPole-v1", "steps": 0}, InvalidInput, "steps"),
        ({"env": "CartPole-v1", "bin_s": 0.0}, InvalidInput, "bin_s"),
    ],
)
def test_bad_options_say_what_is_wrong(options, error, says):
    with pytest.raises(error, match=says):
        FromGym(FromGymConfig(**options)).sample(PerTrialStreams(3, 0))


def test_without_gymnasium_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == "gymnasium":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InvalidInput, match=r"neurodyn\[interop\]"):
        made("CartPole-v1")
