"""What a model predicts of pulses: a model whose dynamics are the true ones predicts them, one whose are not does not."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import neurodyn
from neurodyn.analysis.dynamics_measures.base import dynamics_scores
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.noise_response import noise_responses
from neurodyn.analysis.perturbation import has_pulses, pulse_responses, usual_pulses
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.multi_area_lfads import MultiAreaLFADS, MultiAreaLFADSConfig
from neurodyn.simulate.perturbation import Pulse
from told_truth import asked, told


@pytest.fixture(scope="module")
def trials():
    return told()


def test_the_true_dynamics_predict_what_pulses_do(trials):
    found = pulse_responses(asked(trials))
    assert found.through == "inputs" and found.map_r2 == pytest.approx(1, abs=1e-9)
    assert len(found.labels) == 12
    assert found.r2().min() > 0.97, found.r2()
    assert np.abs(found.true_flips.mean(1) - found.predicted_flips.mean(1)).max() < 0.06
    assert found.true_flips.mean(1).max() > 0.2
    assert not found.true[:, :, :10].any() and not found.predicted[:, :, :10].any()


def test_a_twin_does_not_predict_what_pulses_do(trials):
    """It says the same of every spike, under its own inputs, but has other dynamics."""
    right, wrong = asked(trials), asked(trials, structure=0.2)
    scores = {
        name: dynamics_scores(each, ["perturbation_r2", "choice_flip_error"], wrong)
        for name, each in (("right", right), ("wrong", wrong))
    }
    r2, flips = scores["right"]
    assert r2.value > 0.97 and r2.ceiling == 1 and r2.n == len(trials.test)
    assert r2.baselines["no_response"] == 0 and set(r2.baselines) >= {"untrained", "mean_response", "linear_truth"}
    assert r2.context["claims"]["more than 0.5 of what pulses do is predicted"]
    assert r2.context["twins"]["J_S 0.2"] < 0.7 < r2.value and len(r2.context["twins"]) == 3
    assert scores["wrong"][0].value < 0.5 < r2.baselines["mean_response"] + 0.5
    assert flips.direction == "lower" and flips.value < 0.06 < flips.baselines["no_response"]
    assert flips.baselines["no_response"] == pytest.approx(np.mean(list(flips.context["flips"].values())))


def test_a_push_of_the_state_where_there_are_no_inputs(trials):
    learned = asked(trials, driven=False)
    found = pulse_responses(learned, [Pulse(start_s=0.5, duration_s=0.01, size_na=0.005)])
    assert found.through == "states" and found.map_r2 is None
    np.testing.assert_allclose(found.predicted[0, :, 50], found.true[0, :, 50], atol=1e-6)
    with pytest.raises(InvalidInput, match="through"):
        pulse_responses(learned, through="inputs")


def test_inputs_that_never_vary_are_no_way_in():
    """Of several areas with messages alone: nothing enters from outside."""
    options = {"variant": "recnf", "recorded": "both", "trials": 60, "heldout": 0, "forward": 0}
    both = neurodyn.load("two_area", **options)
    model = MultiAreaLFADS(MultiAreaLFADSConfig(private=False, generator=6, factors=2), DataSpec.of(both.train))
    model.prepare([both.train])
    learned = LearnedDynamics.of(model, both.train, both.valid, both.test)
    found = pulse_responses(learned, [Pulse(start_s=0.5)])
    assert found.through == "states" and found.map_r2 is None and np.abs(found.predicted).max() > 0
    with pytest.raises(InvalidInput, match="through"):
        pulse_responses(learned, through="inputs")
    with pytest.raises(InvalidInput, match="no way into it"):
        noise_responses(learned)


def test_feedback_is_what_frozen_inputs_leave_out():
    """With negative feedback PPC answers the pulse; a model of PFC alone, right as it is, cannot know."""
    closed = pulse_responses(asked(told("recnf")), [Pulse(start_s=0.1)])
    alone = pulse_responses(asked(told("recnf", twin=0.4182)), [Pulse(start_s=0.1)])
    assert alone.r2()[0] > 0.97
    assert closed.r2()[0] < alone.r2()[0] - 0.01


def test_results_for_people_and_for_json(trials):
    found = pulse_responses(asked(trials), usual_pulses(trials)[:2])
    title, headings, rows, note = found.table()
    assert len(rows) == 2 and all(len(row) == len(headings) for row in rows) and "same noise" in note and title
    assert len(json.loads(json.dumps(found.as_mapping()))["pulses"]) == 2


def test_bad_questions_name_their_field(trials):
    learned = asked(trials)
    with pytest.raises(InvalidInput, match="first bin"):
        pulse_responses(learned, [Pulse(start_s=0.0)])
    with pytest.raises(InvalidInput, match="within the trial"):
        pulse_responses(learned, [Pulse(start_s=0.99)])
    few = dataclasses.replace(learned, test=trials.test.select(slice(0, 4)), _kept={})
    with pytest.raises(InvalidInput, match="at least 10"):
        pulse_responses(few)
    other = neurodyn.load("lorenz", trials=20)
    assert not has_pulses(dataclasses.replace(learned, train=other, test=other, _kept={}))


def test_the_figure_has_every_pulse(trials):
    from neurodyn.reporting.perturbation import perturbation_html

    found = pulse_responses(asked(trials), usual_pulses(trials)[-2:])
    page = perturbation_html(found)
    assert all(label in page for label in found.labels) and "Scores of pulses" in page and "NaN" not in page
    assert (
        "choices that flip" not in perturbation_html(dataclasses.replace(found, true_flips=None)).split("</table>")[1]
    )
