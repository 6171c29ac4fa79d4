"""The demixed-components distance: what it finds shared, what it does not, and its range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.similarity.marginalisation import DemixedComponents
from neurodyn.similarity.measures.dpca import DPCA, DPCAConfig

CONDITIONS, BINS = 6, 30


def dpca(**options: Any) -> DPCA:
    return DPCA(DPCAConfig(**options))


def populations(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two populations that share their courses over time but not what they say of conditions."""
    generator = np.random.default_rng(seed)
    bins = np.linspace(-1, 1, BINS)[:, None]
    time = np.concatenate([bins, bins**2], 1)
    found = []
    for _ in range(2):
        condition, both = generator.standard_normal((2, CONDITIONS, 1, 2))
        condition, both = condition - condition.mean(0), both - both.mean(0)
        latents = time[None], condition, both * (np.cos(9 * bins) - np.cos(9 * bins).mean())
        full = [np.broadcast_to(each, (CONDITIONS, BINS, 2)) for each in latents]
        found.append(np.concatenate(full, 2) @ generator.standard_normal((6, 9)))
    return found[0], found[1]


def test_parts_are_compared_one_by_one() -> None:
    x, y = populations()
    # Without a penalty the decoders demix fully, so that shared courses are at 0.
    assert dpca(part="time", components=2, ridge=0.0).fit(x, y).score() == pytest.approx(0, abs=1e-6)
    assert dpca(part="condition", components=2, ridge=0.0).fit(x, y).score() > 0.3
    parts = [dpca(part=part).fit(x, y).score() for part in ("time", "condition", "interaction")]
    assert dpca().fit(x, y).score() == pytest.approx(np.mean(parts), abs=1e-12)


def test_the_distance_is_that_of_principal_angles() -> None:
    # One component of each, a column over samples: the angle of two unit vectors.
    x, y = populations(1)
    found = dpca(part="interaction", components=1, ridge=0.0)
    one, other = (DemixedComponents.fit(v, 1)["interaction"].latents(v).ravel() for v in (x, y))
    cosine = abs(one @ other) / (np.linalg.norm(one) * np.linalg.norm(other))
    assert found.fit(x, y).score() == pytest.approx(np.arccos(cosine) / (np.pi / 2), abs=1e-9)


def test_a_part_that_one_side_lacks_is_as_far_as_can_be() -> None:
    x, _ = populations()
    average = np.broadcast_to(x.mean(0), x.shape)
    for part in ("condition", "interaction"):
        assert dpca(part=part).fit(x, average).score() == 1
        assert dpca(part=part).fit(average, average).score() == 0
    fewer = np.array(x)
    fewer -= x.mean(1, keepdims=True) - x.mean((0, 1))  # no condition part is left
    fewer += np.arange(CONDITIONS)[:, None, None] * np.arange(9)  # and one direction put in its place
    full = dpca(part="condition", components=2, ridge=0.0).fit(x, fewer).score()
    single = dpca(part="condition", components=1, ridge=0.0).fit(fewer, fewer).score()
    assert single == pytest.approx(0, abs=1e-7)
    assert np.sqrt(1 / 2) <= full <= 1


def test_a_condition_left_out_keeps_its_level() -> None:
    """The condition part of one condition is a constant: it counts as far as it differs from the mean of those fitted to."""
    generator = np.random.default_rng(2)
    level = generator.standard_normal((8, 1, 3)) * 3
    wobble = 0.3 * generator.standard_normal((8, 20, 3))
    x, y = ((level + wobble) @ generator.standard_normal((3, 6)) for _ in range(2))
    measure = dpca(part="condition")
    kept, left = slice(0, 7), slice(7, 8)
    assert measure.fit(x[kept], y[kept]).score(x[left], y[left]) < 0.15
    reversed_level = 2 * y[kept].mean((0, 1)) - y[left]
    assert measure.fit(x[kept], y[kept]).score(x[left], reversed_level) > 1.7


def test_bad_input_is_named() -> None:
    x, y = populations()
    with pytest.raises(InvalidInput, match="one condition"):
        dpca().fit(x[:1], y[:1])
    assert dpca(part="time").fit(x[:1], y[:1]).score() >= 0
    for field, value in (("components", 0), ("ridge", -1.0)):
        with pytest.raises(InvalidInput, match=rf"dpca\.{field}"):
            dpca(**{field: value})
