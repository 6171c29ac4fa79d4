"""Embeddings in closed form (two_area.md section 3.2)."""

import warnings

import numpy as np
import pytest

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput

LATENTS = np.random.default_rng(3).normal(1.0, [2.0, 1.0, 0.5], (20, 30, 3))


def made(name, **options):
    cls = registry.load("embeddings", name)
    return cls() if cls.Config is None else cls(from_dict(cls.Config, options))


@pytest.mark.parametrize("name", registry.names("embeddings"))
def test_axes_are_kept_and_nothing_changes_between_calls(name):
    options = {"torus": {"stretch": True}, "stack": {"parts": ["standardise", "paraboloid"]}}.get(name, {})
    latents = LATENTS[..., :2]
    embedding = made(name, **options).fit(latents)
    whole = embedding(latents)
    assert whole.shape[:2] == latents.shape[:2]
    np.testing.assert_allclose(embedding(latents[4, 5:7]), whole[4, 5:7], atol=1e-12)  # nothing of the batch enters
    np.testing.assert_array_equal(made(name, **options).fit(latents)(latents), whole)
    assert isinstance(embedding.described(), dict)


@pytest.mark.parametrize(("which", "kept"), [("first", [0, 1]), ("last", [1, 2])])
def test_subsample(which, kept):
    np.testing.assert_array_equal(made("subsample", keep=2, which=which)(LATENTS), LATENTS[..., kept])


def test_a_random_subsample_is_of_its_seed():
    wide = np.arange(50.0)[None]
    found = [made("subsample", keep=5, which="random", seed=s)(wide)[0] for s in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert (np.diff(found[0]) > 0).all()


def test_standardise():
    found = made("standardise").fit(LATENTS)(LATENTS)
    np.testing.assert_allclose(found.mean((0, 1)), 0, atol=1e-12)
    np.testing.assert_allclose(found.std((0, 1)), 1)
    assert np.isfinite(made("standardise").fit(np.ones((4, 2)))(np.ones((4, 2)))).all()


def test_principal_components_are_eigenvectors_of_the_covariance():
    flat = LATENTS.reshape(-1, 3) @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    found = made("principal_components").fit(flat)(flat)
    np.testing.assert_allclose(found.var(0), np.sort(np.linalg.eigvalsh(np.cov(flat.T, bias=True)))[::-1], atol=1e-10)
    assert made("principal_components", components=2).fit(LATENTS)(LATENTS).shape == (20, 30, 2)


def test_rotation_keeps_lengths_angles_and_hands():
    points = np.random.default_rng(0).normal(size=(40, 5))
    turned = made("rotation", seed=2)(points)
    np.testing.assert_allclose(turned @ turned.T, points @ points.T, atol=1e-12)
    assert np.linalg.det(made("rotation", seed=2)(np.eye(5))) == pytest.approx(1)


def test_circle_and_torus():
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, (100, 2))
    x, y = made("torus", angles=1, minor_radius=3.0)(angles[:, :1]).T
    np.testing.assert_allclose([x, y], [3 * np.cos(angles[:, 0]), 3 * np.sin(angles[:, 0])])
    x, y, z = made("torus")(angles).T
    np.testing.assert_allclose((np.hypot(x, y) - 2) ** 2 + z**2, 1)
    np.testing.assert_allclose(z, np.sin(angles[:, 0]))
    np.testing.assert_allclose(np.arctan2(y, x) % (2 * np.pi), angles[:, 1])


def test_angles_outside_a_turn_warn():
    with pytest.warns(UserWarning, match="50.0% of the angles"):
        made("torus", angles=1)(np.array([[1.0], [-0.1]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made("torus", angles=1)(np.array([[1.0], [6.2]]))
        stretched = made("torus", angles=1, stretch=True)
        found = stretched.fit(LATENTS[..., :1])(LATENTS[..., :1])
    around = np.arctan2(found[..., 1], found[..., 0]) % (2 * np.pi)
    assert around.min() == pytest.approx(0.05 * 2 * np.pi)
    assert around.max() == pytest.approx(0.95 * 2 * np.pi)


def test_paraboloid():
    found = made("paraboloid", scale=2.0, centre=[1.0, 0.0])(np.array([[1.0, 2.0], [3.0, 0.0]]))
    np.testing.assert_array_equal(found, [[1, 2, 16], [3, 0, 16]])


def test_random_manifold_is_curved_and_standard():
    embedding = made("random_manifold", size=7, hidden=[16, 16]).fit(LATENTS)
    found = embedding(LATENTS).reshape(-1, 7)
    np.testing.assert_allclose([found.mean(0), found.std(0)], [np.zeros(7), np.ones(7)], atol=1e-12)
    design = np.column_stack([LATENTS.reshape(-1, 3), np.ones(len(found))])
    left = found - design @ np.linalg.lstsq(design, found, rcond=None)[0]
    assert left.var() > 0.05
    assert np.linalg.matrix_rank(found) == 7


def test_flow_is_inverted_exactly():
    flow = made("flow", size=6, layers=5).fit(LATENTS)
    found = flow(LATENTS)
    assert found.shape == (20, 30, 6)
    np.testing.assert_allclose(flow.inverse(found), LATENTS, atol=1e-10)
    design = np.column_stack([LATENTS.reshape(-1, 3), np.ones(600)])
    left = found.reshape(-1, 6) - design @ np.linalg.lstsq(design, found.reshape(-1, 6), rcond=None)[0]
    assert left.var() > 0.01
    straight = made("flow", size=6, bend=0.0).fit(LATENTS)(LATENTS)
    assert np.linalg.matrix_rank(straight.reshape(-1, 6)) == 3


def test_stack_applies_its_parts_in_order():
    parts = [{"name": "subsample", "keep": 2, "which": "first"}, "standardise", {"name": "paraboloid", "scale": 0.5}]
    found = made("stack", parts=parts).fit(LATENTS)(LATENTS)
    standard = made("standardise").fit(LATENTS[..., :2])(LATENTS[..., :2])
    np.testing.assert_allclose(found[..., :2], standard)
    np.testing.assert_allclose(found[..., 2], 0.25 * (standard**2).sum(-1))


@pytest.mark.parametrize("name", ["standardise", "principal_components", "random_manifold", "flow"])
def test_unfitted(name):
    with pytest.raises(InvalidInput, match="fit"):
        made(name)(LATENTS)


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("subsample", {"keep": 4}, "keep"),
        ("principal_components", {"components": 4}, "components"),
        ("torus", {"angles": 2}, "latents"),
        ("paraboloid", {"centre": [1.0]}, "centre"),
        ("flow", {"size": 2}, "size"),
        ("torus", {"major_radius": 0.5}, "major_radius"),
        ("stack", {"parts": []}, "parts"),
    ],
)
def test_bad_options(name, options, field):
    with pytest.raises(InvalidInput, match=field):
        made(name, **options).fit(LATENTS)(LATENTS)
