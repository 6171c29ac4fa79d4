"""Any gymnasium environment as a task."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.random_streams import TrialStreams
from neurodyn.tasks.base import Task, TaskTrials

_SEEDS = 2**31 - 1
_LONG_S = 2.0


@dataclass(frozen=True)
class FromGymConfig:
    """Options of `FromGym`."""

    env: str = ""
    """Id of the environment, e.g. `CartPole-v1`; `module:id` imports the module that registers it first, e.g. `neurogym:PerceptualDecisionMaking-v0`."""
    make_options: Mapping[str, Any] = field(default_factory=dict)
    """Options the environment is made with."""
    policy: str = ""
    """`module:function` that gives the action for an observation: a network then learns to imitate it. Empty: the environment tells the right action."""
    steps: int = 200
    """Steps of the longest trial; longer episodes are cut here."""
    bin_s: float | None = None
    """Seconds that a step stands for. None: what the environment says in its `dt`, in ms, as neurogym's do; else 0.01."""

    def __post_init__(self) -> None:
        check_choices(self, "task")
        check_range("task.steps", self.steps, 1)
        if self.bin_s is not None:
            check_range("task.bin_s", self.bin_s, 0, open_low=True)


class FromGym(Task):
    """Observations of a gymnasium environment as stimuli, and the right actions as targets: classes of a discrete action space, numbers of a box.

    The right action comes from the policy, if one is given; else from the arrays `ob` and `gt` of a trial, where the environment has them (neurogym's do); else
    from `info["gt"]`, given with the observation that it belongs to, by `reset` and by every step. The action taken is the right one. An episode is a trial;
    `mask` says how long it was. Every trial has a seed of its own. Observations of dictionaries, tuples and discrete spaces are flattened.

    Raises:
        InvalidInput: gymnasium is missing; no environment; one that cannot be made with these options; spaces that are not numbers.
        UnknownName: no environment of that id.
    """

    Config: ClassVar = FromGymConfig

    def __init__(self, config: FromGymConfig = FromGymConfig()) -> None:
        self.config = config
        self._env = _made(config)
        self._policy = _imported(config.policy) if config.policy else None
        from gymnasium import spaces

        actions = self._env.action_space
        self.classes = isinstance(actions, spaces.Discrete)
        if not isinstance(actions, spaces.Discrete | spaces.Box):
            raise InvalidInput("task.env", f"actions {actions}", "an environment with Discrete or Box actions")
        self._first = int(actions.start) if isinstance(actions, spaces.Discrete) else 0
        self.outputs = int(spaces.flatdim(actions))
        self.output_names = tuple(f"action_{place}" for place in range(self._first, self._first + self.outputs))
        try:
            self.channels = int(spaces.flatdim(self._env.observation_space))
        except (NotImplementedError, ValueError) as error:
            raise InvalidInput("task.env", f"observations {self._env.observation_space}", "a fixed size") from error
        dt = getattr(self._env.unwrapped, "dt", None)
        self.bin_s = config.bin_s or (float(dt) / 1000 if isinstance(dt, int | float) and dt > 0 else 0.01)
        self.periods = {"trial": slice(0, config.steps)}

    def sample(self, streams: TrialStreams) -> TaskTrials:
        """Runs an episode a trial.

        Returns:
            `stimulus` `(trial, time, channel)` and `target` `(trial, time, output)`, zero behind a trial's end; `mask` and `counted` `(trial, time)`; table columns
            `condition` (0, environments have none), `seed`, `steps`, and what is a number or text in the environment's `trial`, where it has one.

        Raises:
            InvalidInput: the environment does not tell the right action and there is no policy; an action outside the action space; a trial that is longer than
                `steps` in an environment that makes trials whole.
        """
        seeds = streams.integers(_SEEDS)[:, 0]
        stimulus = np.zeros((len(seeds), self.bins, self.channels), np.float32)
        target = np.zeros((len(seeds), self.bins, self.outputs), np.float32)
        mask = np.zeros((len(seeds), self.bins), bool)
        rows = []
        for trial, seed in enumerate(_with_bar(seeds.tolist(), self.config.env)):
            whole = self._policy is None and hasattr(self._env.unwrapped, "new_trial")
            observations, actions, facts = self._whole_trial(seed) if whole else self._episode(seed)
            steps = len(actions)
            stimulus[trial, :steps] = observations
            target[trial, :steps] = self._encoded(actions)
            mask[trial, :steps] = True
            rows.append({"condition": 0, "seed": seed, "steps": steps} | facts)
        return TaskTrials(stimulus, pd.DataFrame(rows), target, mask, mask)

    def _whole_trial(self, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        """A trial that the environment makes at once, as neurogym's do: their `reset` takes a seed and does not use it."""
        inner: Any = self._env.unwrapped
        inner.seed(seed)
        self._env.reset(seed=seed)
        inner.seed(seed)
        inner.new_trial()
        if getattr(inner, "gt", None) is None:
            raise self._untold()
        if len(inner.gt) > self.config.steps:
            raise InvalidInput("task.steps", self.config.steps, f"at least {len(inner.gt)}, the steps of a trial")
        facts = {
            name: value
            for name, value in dict(inner.trial or {}).items()
            if isinstance(value, str | int | float | np.generic)
        }
        return np.stack([self._flat(each) for each in inner.ob]), np.asarray(inner.gt), facts

    def _episode(self, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
        observations, actions = [], []
        observation, info = self._env.reset(seed=seed)
        for _ in range(self.config.steps):
            action = info.get("gt") if self._policy is None else self._policy(observation)
            if action is None:
                raise self._untold()
            if not self.classes:  # numbers of another precision are not in a box
                action = np.asarray(action, self._env.action_space.dtype)
            if not self._env.action_space.contains(action):
                where = "task.env" if self._policy is None else "task.policy"
                raise InvalidInput(where, f"the action {action}", f"one in {self._env.action_space}")
            observations.append(self._flat(observation))
            actions.append(action)
            observation, _, terminated, truncated, info = self._env.step(action)
            if terminated or truncated:
                break
        return np.stack(observations), np.array(actions), {}

    def _flat(self, observation: Any) -> np.ndarray:
        """`(channel,)`, a copy: environments may fill the same array at every step."""
        from gymnasium import spaces

        return np.array(spaces.flatten(self._env.observation_space, observation), np.float32)

    def _encoded(self, actions: np.ndarray) -> np.ndarray:
        """`(step, output)`."""
        if not self.classes:
            return actions.reshape(len(actions), -1)
        place = actions - self._first
        if not np.isin(place, np.arange(self.outputs)).all():
            raise InvalidInput("task.env", f"right actions {np.unique(actions)}", f"some of {self._env.action_space}")
        encoded: np.ndarray = np.eye(self.outputs)[place.astype(int)]
        return encoded

    def _untold(self) -> InvalidInput:
        fix = "Give a policy, module:function, to imitate."
        return InvalidInput(
            "task.env", f"{self.config.env}, which does not tell the right action", "one that does", fix
        )


def _made(config: FromGymConfig) -> Any:
    try:
        import gymnasium
    except ImportError as error:
        fix = 'pip install "neurodyn[interop]"'
        raise InvalidInput("task", "from_gym, without gymnasium", "gymnasium", fix) from error
    if not config.env:
        raise InvalidInput("task.env", "nothing", "the id of an environment", "For example: CartPole-v1.")
    try:
        return gymnasium.make(config.env, disable_env_checker=True, **config.make_options)
    except ModuleNotFoundError as error:
        raise InvalidInput("task.env", config.env, f"a module that can be imported ({error})") from error
    except gymnasium.error.UnregisteredEnv as error:
        raise UnknownName("environment", config.env, gymnasium.registry) from error
    except (gymnasium.error.Error, TypeError, ValueError) as error:
        raise InvalidInput(
            "task.env", f"{config.env} with {dict(config.make_options)}", f"one that is made ({error})"
        ) from error


def _imported(policy: str) -> Callable[[Any], Any]:
    module, _, function = policy.partition(":")
    try:
        with _working_folder_first():
            found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidInput("task.policy", policy, f"module:function that can be imported ({error})") from error
    if not callable(found):
        raise InvalidInput("task.policy", policy, "a function")
    return found  # type: ignore[no-any-return]


@contextlib.contextmanager
def _working_folder_first() -> Iterator[None]:
    """Within, modules beside the user are found: a console script's path has not the folder it is called in."""
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path.pop(0)


def _with_bar(seeds: list[int], name: str) -> Iterator[int]:
    """The seeds, with a bar on stderr once it takes long."""
    import time

    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    task = bar.add_task(f"running {name}", total=len(seeds))
    try:
        for done, seed in enumerate(seeds):
            if time.monotonic() - began > _LONG_S:
                bar.start()
                bar.update(task, completed=done)
            yield seed
    finally:
        bar.stop()
