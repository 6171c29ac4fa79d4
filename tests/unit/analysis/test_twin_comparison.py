"""What a model has found beside every twin, and where it settles after noise."""

from __future__ import annotations

import json

import numpy as np
import pytest

import neurodyn
from neurodyn.analysis.noise_response import noise_responses
from neurodyn.analysis.twins import has_twins, twin_comparison
from neurodyn.dynamics.equivalence_class import EquivalenceClass, Member
from neurodyn.errors import InvalidInput
from told_truth import asked, told

SIZES = np.array([0.5, 4.0])  # the input of these trials is weak


@pytest.fixture(scope="module")
def trials():
    return told(twin=None)


def test_each_model_matches_the_circuit_whose_dynamics_it_has(trials):
    """Told the input of its own circuit it has exactly that circuit's points, and predicts what pulses do to it alone."""
    found = twin_comparison(asked(trials), (0.2,), inputs=("mean",), starts=60)
    twin, own = found.members
    assert own.own and not twin.own and found.nearest is own
    assert own.false == 0 and own.found == own.points >= 3
    assert own.distance < 0.3 and own.input_r2 > 0.99 and own.pulses_r2 > 0.97
    assert twin.found < own.found and twin.pulses_r2 < 0.7
    assert "J_S 0.4182" in found.verdict
    assert len(json.loads(json.dumps(found.as_mapping()))["members"]) == 2
    assert len(found.table()[2]) == 2


def test_the_verdict_says_when_a_model_is_none_of_them():
    member = Member("J_S 0.2", False, 4, 1, 3, 0.5, 0.1, 0.2, None)
    said = EquivalenceClass("s", (member, Member("J_S 0.4182", True, 5, 3, 1, 0.2, 0.1, None, None)))
    assert "none of them; nearest is J_S 0.4182 (3 of 5 points, 1 false)" in said.verdict
    assert said.table()[2][1][-1] == "–"


def test_other_trials_have_no_twins(trials):
    assert has_twins(trials) and not has_twins(neurodyn.load("lorenz", trials=20))
    both = neurodyn.load("two_area", trials=20, recorded="both")
    assert not has_twins(both)


def test_a_model_with_the_true_dynamics_settles_where_the_truth_does(trials):
    found = noise_responses(asked(trials), SIZES, starts=80)
    assert found.r2_inputs == pytest.approx(1, abs=1e-6)
    assert found.model.clusters.tolist() == found.truth.clusters.tolist()
    assert found.distance.max() < 0.01
    # The same numbers drive both, run by run; but the true input has one dimension, so noise on its sum has no way into the model.
    assert (found.model.attractor == found.truth.attractor).mean() > 0.8
    assert len(found.table()[2]) == 2 and json.dumps(found.as_mapping())


def test_a_model_of_one_attractor_is_seen(trials):
    found = noise_responses(asked(trials, structure=0.2), SIZES, starts=80)
    assert found.model.clusters.tolist() == [1, 1] and found.truth.clusters[1] == 3
    assert found.distance.max() > 0.3


def test_a_model_without_inputs_cannot_be_driven(trials):
    with pytest.raises(InvalidInput, match="inputs"):
        noise_responses(asked(trials, driven=False), SIZES)
