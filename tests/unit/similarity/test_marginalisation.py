"""Parts of activity: orthogonal, complete, known for real data; demixed components against their definition."""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.data.hatsopoulos import read_averages
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.marginalisation import PARTS, DemixedComponents, Marginalisation


def activity(conditions: int = 5, bins: int = 20, units: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((conditions, bins, units)).cumsum(1) + 3


def test_parts_are_orthogonal_and_sum_to_the_activity() -> None:
    values = activity()
    found = Marginalisation.of(values)
    np.testing.assert_allclose(sum(found.parts.values()) + found.mean, values, atol=1e-12)
    products = [[(found.parts[a] * found.parts[b]).sum() for b in PARTS] for a in PARTS]
    np.testing.assert_allclose(products, np.diag(np.diag(products)), atol=1e-9)
    assert sum(found.fractions.values()) == pytest.approx(1)


def test_activity_that_knows_no_condition_is_all_time() -> None:
    same = np.broadcast_to(activity()[:1], (5, 20, 7))
    assert list(Marginalisation.of(same).fractions.values()) == pytest.approx([1, 0, 0], abs=1e-15)
    constant = np.broadcast_to(activity()[:, :1], (5, 20, 7))
    assert list(Marginalisation.of(constant).fractions.values()) == pytest.approx([0, 1, 0], abs=1e-15)
    with pytest.raises(InvalidInput, match="do not vary"):
        _ = Marginalisation.of(np.ones((2, 3, 4))).fractions


def test_fractions_of_recorded_activity() -> None:
    try:
        rates = read_averages().rates_hz
    except MissingData as absent:
        pytest.skip(str(absent))
    fractions = Marginalisation.of(rates).fractions
    assert list(fractions) == list(PARTS)
    assert list(fractions.values()) == pytest.approx([0.5254, 0.2048, 0.2698], abs=5e-5)


def test_bins_that_a_condition_lacks_are_left_out() -> None:
    values = activity()
    mask = np.ones((5, 20), bool)
    mask[2, 15:] = False
    found = Marginalisation.of(Activity(np.where(mask[..., None], values, np.nan), mask))
    np.testing.assert_allclose(found.centred, Marginalisation.of(values[:, :15]).centred, atol=1e-12)
    with pytest.raises(InvalidInput, match="every condition"):
        Marginalisation.of(Activity(values[:2], np.arange(2)[:, None] == np.arange(20) // 10))


@pytest.mark.parametrize("ridge", [0.0, 1e-2])
def test_components_are_those_of_the_definition(ridge: float) -> None:
    values = activity()
    found = DemixedComponents.fit(values, 2, ridge)
    marginal = Marginalisation.of(values)
    x = marginal.centred.reshape(-1, 7).T  # as published: unit by sample
    for part in PARTS:
        own = marginal.parts[part].reshape(-1, 7).T
        predictor = own @ x.T @ np.linalg.inv(x @ x.T + ridge * (x**2).sum() * np.eye(7))
        encoder = np.linalg.svd(predictor @ x)[0][:, :2]
        np.testing.assert_allclose(found[part].encoder @ found[part].encoder.T, encoder @ encoder.T, atol=1e-9)
        np.testing.assert_allclose(
            found[part].encoder @ found[part].decoder.T, encoder @ encoder.T @ predictor, atol=1e-9
        )
        latents = found[part].latents(values).reshape(-1, 2)
        np.testing.assert_allclose(latents.T @ latents, np.diag(found[part].sizes ** 2), atol=1e-8)


def test_no_other_components_explain_more() -> None:
    values = activity()
    marginal = Marginalisation.of(values)
    x, generator = marginal.centred.reshape(-1, 7), np.random.default_rng(1)
    found = DemixedComponents.fit(values, 2)["condition"]
    part = marginal.parts["condition"].reshape(-1, 7)
    least = np.linalg.norm(part - x @ found.decoder @ found.encoder.T)
    for _ in range(20):
        moved = found.decoder + 0.02 * generator.standard_normal((7, 2))
        turned = found.encoder + 0.02 * generator.standard_normal((7, 2))
        assert np.linalg.norm(part - x @ moved @ turned.T) > least


def test_a_part_that_is_absent_has_no_component() -> None:
    same = np.broadcast_to(activity()[:1], (5, 20, 7))
    found = DemixedComponents.fit(same, 3)
    assert [found[part].decoder.shape for part in PARTS] == [(7, 3), (7, 0), (7, 0)]
    assert DemixedComponents.fit(activity(3), 5)["condition"].sizes.shape == (2,)  # three conditions about their mean
