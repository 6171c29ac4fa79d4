"""Matching a model's fixed points with the true ones."""

import numpy as np
import pytest

import neurodyn
from neurodyn.analysis.true_points import TruePoints, match, true_dynamics, true_map
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput

# Three stable points on a line with two saddles between, as PFC has them.
POINTS = np.array([[0.0, 0.6], [0.05, 0.2], [0.1, 0.1], [0.2, 0.05], [0.6, 0.0]])
VALUES = np.array([[0.88, 0.84], [1.04, 0.91], [0.97, 0.93], [1.04, 0.91], [0.88, 0.84]], complex)
TRUTH = TruePoints(POINTS, VALUES)


def test_the_truth_matches_itself():
    found = match(POINTS, VALUES, TRUTH)
    assert found.pairs.tolist() == [[i, i] for i in range(5)]
    assert len(found.false) == len(found.missed) == 0
    assert found.hausdorff == found.chamfer == found.eigenvalue_error == 0
    assert TRUTH.kinds == ("stable", "saddle", "stable", "saddle", "stable")


def test_a_shift_within_reach_keeps_the_pairs_and_is_measured():
    found = match(POINTS + np.array([0.03, 0]), VALUES + 0.01, TRUTH)
    assert len(found.pairs) == 5
    assert found.hausdorff == pytest.approx(0.03) and found.chamfer == pytest.approx(0.03)
    assert found.eigenvalue_error == pytest.approx(0.01)


def test_other_stability_is_no_match():
    values = VALUES.copy()
    values[2, 0] = 1.02
    found = match(POINTS, values, TRUTH)
    assert found.false.tolist() == [2] and found.missed.tolist() == [2]
    assert len(found.pairs) == 4


def test_a_true_point_is_matched_once():
    points, values = np.concatenate([POINTS, POINTS[:1] + 0.001]), np.concatenate([VALUES, VALUES[:1]])
    found = match(points, values, TRUTH)
    assert len(found.pairs) == 5 and found.false.tolist() == [5]


def test_pairs_are_as_many_as_can_be():
    """Nearest first would give the middle point away and leave two alone."""
    truth = TruePoints(np.array([[0.0], [0.045]]), np.full((2, 1), 0.9 + 0j))
    found = match(np.array([[-0.04], [0.004]]), np.full((2, 1), 0.9 + 0j), truth)
    assert len(found.pairs) == 2


def test_models_of_more_states_are_compared_by_their_leading_eigenvalues():
    values = np.concatenate([VALUES, np.full((5, 30), 0.2)], 1)
    assert match(POINTS, values, TRUTH).eigenvalue_error == 0


def test_nothing_found():
    found = match(np.zeros((0, 2)), np.zeros((0, 2), complex), TRUTH)
    assert found.missed.tolist() == [0, 1, 2, 3, 4] and len(found.false) == 0
    assert found.hausdorff is None and found.chamfer is None and found.eigenvalue_error is None
    assert found.as_mapping()["missed"] == 5


def test_hausdorff_is_symmetric_and_chamfer_the_mean():
    found = match(POINTS[:1], VALUES[:1], TRUTH)
    distances = np.linalg.norm(POINTS - POINTS[0], axis=1)
    assert found.hausdorff == pytest.approx(distances.max())
    assert found.chamfer == pytest.approx(distances.mean() / 2)


def test_widths_must_agree():
    with pytest.raises(InvalidInput, match="points"):
        match(np.zeros((1, 3)), np.zeros((1, 3), complex), TRUTH)


def test_the_true_dynamics_of_the_two_area_set_are_pfcs_alone():
    truth = true_dynamics(neurodyn.load("two_area", trials=5, variant="recnf"))
    rest, forced = truth(np.zeros(2)), truth(np.array([0.002, -0.002]))
    assert rest.kinds == ("stable", "saddle", "stable", "saddle", "stable")
    np.testing.assert_allclose(rest.points[4], [0.59789, 0.01594], atol=1e-5)
    np.testing.assert_allclose(rest.eigenvalues[4], np.exp([-0.13272, -0.17992]), atol=1e-4)
    assert len(forced.points) == 3


def test_other_trials_have_no_known_points():
    assert true_dynamics(neurodyn.load("lorenz", trials=20)) is None
    assert true_dynamics(Trials.from_arrays(np.zeros((2, 5, 3), int), bin_s=0.01)) is None


@pytest.mark.parametrize(("twin", "kinds"), [(0.2, 1), (0.35, 5), (0.45, 5), (None, 5)])
def test_a_twins_points_are_its_own(twin, kinds):
    """Identical spikes, other fixed points: 1 for J_S .20, 5 between .3467 and .48, with table 1.3's decision states at .35."""
    trials = neurodyn.load("two_area", trials=5, twin=twin)
    found = true_dynamics(trials)(np.zeros(2))
    assert len(found.points) == kinds
    if twin == 0.35:
        np.testing.assert_allclose(found.points[-1], [0.44459, 0.04405], atol=1e-5)
    stay = true_map(trials).step(found.points, np.zeros((kinds, 2)))
    np.testing.assert_allclose(stay, found.points, atol=1e-9)


def test_ppc_alone_has_points_and_both_areas_have_none_of_a_local_kind():
    ppc = true_dynamics(neurodyn.load("two_area", trials=5, recorded="ppc"))(np.zeros(2))
    np.testing.assert_allclose(ppc.points[-1], [0.44459, 0.04405], atol=1e-5)  # PPC's structure is .35
    both = neurodyn.load("two_area", trials=5, recorded="both")
    assert true_dynamics(both) is None and true_map(both) is None
