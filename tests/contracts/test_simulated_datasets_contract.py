"""What holds for every simulated data set: the same seed gives the same to the bit, and the provenance is enough to make it again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from neurodyn import registry
from neurodyn.config import from_dict, to_dict
from neurodyn.data.trials import Trials
from neurodyn.simulate.known import simulator_of

NAMES = registry.names("datasets")
TASKS = set(registry.names("tasks"))
SIMULATED = [n for n in NAMES if n not in TASKS and "simulate" in registry.load("datasets", n).__module__]
FEW: dict[str, dict[str, Any]] = {"multi_subject": {}, "privileged_reach": {}}


def load(name: str, **options: Any) -> list[Trials]:
    cls = registry.load("datasets", name)
    fields = to_dict(cls.Config())
    few = FEW.get(name, {"trials": 21} if "trials" in fields else {})
    found = cls(from_dict(cls.Config, {**few, **options})).load()
    return found if isinstance(found, list) else [found]


def assert_same(first: Trials, second: Trials) -> None:
    assert first.table.equals(second.table)
    assert first.heldin.tolist() == second.heldin.tolist()
    assert first.signals.keys() == second.signals.keys()
    for name, signal in first.signals.items():
        np.testing.assert_array_equal(np.asarray(signal.values), np.asarray(second.signals[name].values))
    assert first.truth.keys() == second.truth.keys()
    for name, values in first.truth.items():
        np.testing.assert_array_equal(values, second.truth[name])


@pytest.mark.parametrize("name", SIMULATED)
def test_a_seed_gives_the_same_to_the_bit_and_the_provenance_makes_it_again(name: str) -> None:
    first = load(name)
    for one, other in zip(first, load(name), strict=True):
        assert_same(one, other)
    said = json.loads(json.dumps(dict(first[0].provenance)))  # as a file keeps it
    assert said["source"] == name
    assert "seed" in {*said, *said["options"]}
    for one, other in zip(first, load(name, **said["options"]), strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("name", SIMULATED)
def test_another_seed_gives_others(name: str) -> None:
    first, other = load(name)[0], load(name, seed=12345)[0]
    neural = first.neural_name
    assert neural is not None
    assert not np.array_equal(first.neural.values, other.neural.values)


@pytest.mark.parametrize("name", SIMULATED)
def test_the_system_is_found_again_and_gives_the_latents(name: str) -> None:
    trials = load(name)[0]
    system = simulator_of(trials)
    if system is None or "states" not in trials.truth:
        pytest.skip("no one system is behind its trials")
    if trials.provenance.get("randomness") == "shared" and name == "lorenz":
        pytest.skip("coordinates are standardised over the trials that are drawn")
    states = trials.truth["states"]
    np.testing.assert_allclose(system.decode(states), trials.truth["latents"], atol=1e-12)
    assert states.shape[-1] == system.state_size
