"""Small gymnasium environments, and policies that act in them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np


def lean(observation: np.ndarray) -> int:
    """CartPole: push the way the pole leans and turns; it stays up for hundreds of steps."""
    return int(observation[2] + observation[3] > 0)


def against(observation: np.ndarray) -> np.ndarray:
    """Pendulum: a torque against its speed."""
    return np.array([-observation[2] / 8])


def nothing(observation: Any) -> str:
    """No action at all."""
    return "nothing"


class Echo(gymnasium.Env[dict[str, Any], np.integer[Any]]):
    """Shows a colour and a place; the right action is the colour, one above it from the third step on. Says so in `info`, unless told not to."""

    def __init__(self, tells: bool = True, length: int = 6) -> None:
        self._tells, self._length = tells, length
        self.observation_space = gymnasium.spaces.Dict(
            {"colour": gymnasium.spaces.Discrete(3), "place": gymnasium.spaces.Box(-1, 1, (2,), np.float32)}
        )
        self.action_space = gymnasium.spaces.Discrete(4, start=-1)

    def _now(self) -> tuple[dict[str, Any], dict[str, Any]]:
        observation = {"colour": self._colour, "place": self.np_random.uniform(-1, 1, 2).astype(np.float32)}
        return observation, {"gt": self._colour - 1 + (self._step >= 2)} if self._tells else {}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        self._step, self._colour = 0, int(self.np_random.integers(3))
        self._end = int(self.np_random.integers(3, self._length + 1))
        return self._now()

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        right = self._colour - 1 + (self._step >= 2)
        self._step += 1
        observation, info = self._now()
        return observation, float(action == right), action != right or self._step >= self._end, False, info


class Whole(gymnasium.Env[np.ndarray, np.integer[Any]]):
    """A trial made at once, the way neurogym does it: arrays `ob` and `gt`, `trial`, `dt` in ms, and a `reset` that does not use its seed."""

    def __init__(self, bins: int = 8, wrong: bool = False) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(3)
        self.dt, self._bins, self._wrong = 20, bins, wrong
        self.rng = np.random.RandomState()

    def seed(self, seed: int) -> None:
        self.rng = np.random.RandomState(seed)

    def new_trial(self) -> None:
        choice = int(self.rng.randint(1, 3))
        self.ob = self.rng.normal(choice, 1, (self._bins, 2)).astype(np.float32)
        self.gt = np.where(np.arange(self._bins) < self._bins - 2, 0, choice + 5 * self._wrong)
        self.trial = {"choice": choice, "others": [1, 2]}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        self.new_trial()
        return self.ob[0], {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        raise AssertionError("the arrays of the trial say it all")


class Words(Echo):
    """Observations that are not of a fixed size."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = gymnasium.spaces.Sequence(gymnasium.spaces.Discrete(3))


class Switches(Echo):
    """Actions of several switches."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = gymnasium.spaces.MultiBinary(3)


for _kind in (Echo, Whole, Words, Switches):
    gymnasium.register(f"{_kind.__name__}-v0", entry_point=_kind)
