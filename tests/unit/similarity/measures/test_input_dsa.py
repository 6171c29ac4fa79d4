"""Driven systems that are known: the same response to inputs is at 0 whatever drove it, which dynamics alone are not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures.dsa import DSA, DSAConfig
from neurodyn.similarity.measures.input_dsa import InputDSA, InputDSAConfig

TRIALS, BINS, STATES, CHANNELS = 16, 120, 4, 2


def system(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.normal(size=(STATES, STATES)))[0]
    return turn @ np.diag([0.95, 0.9, 0.85, 0.8]), np.random.default_rng(0).normal(size=(STATES, CHANNELS))


def driven(seed: int, inputs: str, *, map_seed: int = 5, units: int = 7, lag: int = 1) -> Activity:
    """Activity of a system under white, slow or lopsided inputs, seen through a linear map."""
    operator, drive = system(seed)
    generator = np.random.default_rng(sum(map(ord, inputs)))
    given = generator.normal(size=(TRIALS, BINS, CHANNELS))
    if inputs == "slow":
        for bin_ in range(1, BINS):
            given[:, bin_] = 0.95 * given[:, bin_ - 1] + 0.3 * given[:, bin_]
    if inputs == "lopsided":
        given[..., 0] *= 0.3
    states = np.zeros((TRIALS, BINS, STATES))
    for bin_ in range(1, BINS):
        states[:, bin_] = states[:, bin_ - 1] @ operator.T + given[:, bin_ - lag] @ drive.T
    seen = states @ np.random.default_rng(map_seed).normal(size=(STATES, units)) + 3
    return Activity(seen, inputs=given, name=inputs)


def measure(**options: object) -> InputDSA:
    return InputDSA(InputDSAConfig(**{"rank": STATES, **options}))  # type: ignore[arg-type]


def test_one_system_under_other_inputs_and_seen_through_another_map_is_at_zero() -> None:
    white, slow, lopsided = driven(1, "white"), driven(1, "slow"), driven(1, "lopsided", map_seed=6, units=9)
    assert measure().fit(white, slow).score() < 1e-8
    assert measure().fit(white, lopsided).score() < 1e-4
    assert measure().fit(white, driven(2, "white")).score() > 0.2
    assert DSA(DSAConfig(delays=1, rank=STATES)).fit(white, slow).score() > 0.05, "which whitens by what inputs made"


def test_principal_coordinates_forgive_rotations_only() -> None:
    found = measure(coordinates="principal")
    white, slow = driven(1, "white"), driven(1, "slow")
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0]
    assert found.fit(white, slow.with_values(slow.values @ turn)).score() < 1e-8
    assert found.fit(white, driven(1, "slow", map_seed=6)).score() > 0.1


@pytest.mark.parametrize("coordinates", ["input_normal", "principal"])
def test_rotated_inputs_are_forgiven_on_request(coordinates: str) -> None:
    white, slow = driven(1, "white"), driven(1, "slow")
    assert slow.inputs is not None
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(CHANNELS, CHANNELS)))[0]
    turned = dataclasses.replace(slow, inputs=slow.inputs @ turn)
    assert measure(coordinates=coordinates).fit(white, turned).score() > 0.05
    fitted = measure(coordinates=coordinates, rotate_inputs=True).fit(white, turned)
    assert fitted.score() < 1e-4
    assert fitted.score(white.take(rows=slice(8)), turned.take(rows=slice(8))) < 1e-4


def test_the_lag_from_inputs_to_states() -> None:
    at_once, after = driven(1, "white", lag=0), driven(1, "slow")
    assert measure(input_lag=0).fit(at_once, driven(1, "slow", lag=0)).score() < 1e-8
    assert measure(input_lag=1).fit(at_once, after).score() > 0.1


def test_weight_chooses_between_dynamics_and_inputs() -> None:
    x, y = driven(1, "white"), driven(1, "slow")
    assert y.inputs is not None
    other = dataclasses.replace(y, inputs=y.inputs * np.array([1, -1]))
    assert measure(weight=1.0).fit(x, other).score() < 1e-6
    assert measure(weight=0.0, coordinates="principal").fit(x, other).score() > 0.1


def test_all_pairs_are_the_pairs_one_by_one() -> None:
    sides = [driven(1, "white"), driven(2, "slow"), driven(3, "lopsided", units=3)]
    for found in (measure(), measure(rotate_inputs=True, form="euclidean")):
        expected = np.array([[found.fit(x, y).score() for y in sides] for x in sides])
        np.testing.assert_allclose(found.pairwise(sides), expected, atol=1e-7)
        np.testing.assert_allclose(found.pairwise(sides[:1], sides[1:]), expected[:1, 1:], atol=1e-7)


def test_what_it_cannot_take_is_named() -> None:
    x = driven(1, "white")
    assert x.inputs is not None
    with pytest.raises(InvalidInput, match="no inputs"):
        measure().fit(x, x.values)
    with pytest.raises(InvalidInput, match="1 channels"):
        measure().fit(x, dataclasses.replace(x, inputs=x.inputs[..., :1], name="y"))
    spoiled = x.inputs.copy()
    spoiled[2, 4, 0] = np.nan
    with pytest.raises(InvalidInput, match=r"inputs of y.*not finite"):
        measure().fit(x, dataclasses.replace(x, inputs=spoiled, name="y"))
    with pytest.raises(InvalidInput, match=r"input_dsa\.input_lag"):
        measure(input_lag=2)
