"""Free runs of models whose dynamics are the true ones, other ones, or none that last."""

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from neurodyn.analysis.dynamics_measures.base import CLAIMS, dynamics_scores
from neurodyn.analysis.free_run import free_runs, kept_free_runs
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.visited import Visited
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.reporting.free_run import free_run_html
from neurodyn.simulate.lorenz import Lorenz, LorenzConfig

MEASURES = ("lyapunov_error", "power_spectrum_distance", "attractor_distance")
MIXING = np.array([[2.0, -1.0, 0.3], [0.5, 3.0, 0.0], [0.1, 0.2, 1.0]])


@dataclass(frozen=True)
class TrueLorenzConfig:
    """No options."""


class TrueLorenz(Model):
    """The Lorenz system itself, with another ρ if need be; its inputs do nothing."""

    Config: ClassVar = TrueLorenzConfig
    has_dynamics: ClassVar[bool] = True

    def __init__(self, spec, rho=28.0, growth=0.0):
        super().__init__(TrueLorenzConfig(), spec)
        self.rho, self.growth = rho, growth

    def forward(self, observed, privileged=None):
        return Output()

    def step(self, state, inputs):
        h = 0.03

        def slope(at):
            x, y, z = at.unbind(1)
            return torch.stack([10 * (y - x), x * (self.rho - z) - y, x * y - 8 / 3 * z], 1)

        k1 = slope(state)
        k2 = slope(state + h / 2 * k1)
        k3 = slope(state + h / 2 * k2)
        k4 = slope(state + h * k3)
        return (1 + self.growth) * state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def factors_of(self, state):
        return state @ torch.tensor(MIXING).to(state) + 1.0


TRIALS = Lorenz(LorenzConfig(bins=12)).simulate(120, seed=3)


def learned(known=True, quick=True, **given):
    trials = TRIALS if known else dataclasses.replace(TRIALS, truth={}, provenance={})
    train, test = trials.select(slice(0, 60)), trials.select(slice(60, 120))
    made = LearnedDynamics.of(TrueLorenz(DataSpec.of(trials), **given), train, train, test)
    for name, part in (("seen_train", TRIALS.select(slice(0, 60))), ("seen_test", TRIALS.select(slice(60, 120)))):
        states = part.truth["states"]
        drives = np.full((*states.shape[:2], 2), 0.5)
        made.__dict__[name] = Visited(states, drives, states @ MIXING + 1.0, part.mask, 2)
    if quick:
        made.kept("free_runs", lambda: free_runs(made, bins=200, transient=60, steps=20, most=40))
    return made


@pytest.fixture(scope="module")
def exact():
    both = [learned(quick=False), learned(quick=False, rho=10.0)]
    for each in both:
        each.kept("free_runs", lambda each=each: free_runs(each, bins=256, steps=120, transient=40))
    return {score.name: score for score in dynamics_scores(both[0], MEASURES, both[1], draws=50)}


def test_the_true_system_is_at_zero(exact):
    assert exact["lyapunov_error"].value < 0.02
    assert exact["power_spectrum_distance"].value < 0.03
    assert exact["attractor_distance"].value < 0.2
    assert all(exact["lyapunov_error"].context[CLAIMS].values())


def test_its_exponents_are_those_of_the_flow(exact):
    """.906 a time unit, of which .03 pass in a bin of .02 s, and a volume that shrinks by −(σ + 1 + β)."""
    first, middle, last = exact["lyapunov_error"].context["true_exponents"]
    assert first == pytest.approx(0.906 * 1.5, abs=0.2) and middle == pytest.approx(0, abs=0.15)
    assert first + middle + last == pytest.approx(-13.667 * 1.5, rel=0.02)


def test_baselines_say_what_a_distance_means(exact):
    power, attractor = exact["power_spectrum_distance"], exact["attractor_distance"]
    assert set(power.baselines) == {"untrained", "white_noise", "still", "time_shuffled"}
    assert power.ceiling < 0.05 and attractor.ceiling < 0.3
    assert power.baselines["time_shuffled"] > 0.5, "another order of bins has another spectrum"
    assert min(power.baselines.values()) > 0.2
    assert attractor.baselines["time_shuffled"] == pytest.approx(0, abs=1e-9), "geometry does not see time"
    assert attractor.baselines["still"] > attractor.baselines["white_noise"] > 4 * attractor.ceiling
    assert exact["lyapunov_error"].baselines["still"] == pytest.approx(0.906 * 1.5, abs=0.2)
    assert exact["lyapunov_error"].baselines["untrained"] > 1


def test_a_system_at_rest_is_told_from_a_chaotic_one():
    scores = {score.name: score for score in dynamics_scores(learned(rho=10.0), MEASURES, draws=50)}
    assert not any(scores["lyapunov_error"].context[CLAIMS].values())
    power = scores["power_spectrum_distance"]
    assert power.value > 10 * power.ceiling and scores["attractor_distance"].value > 2


def test_runs_that_diverge_are_counted():
    made = learned(growth=0.5)
    found = kept_free_runs(made)
    assert found.diverged.all() and np.isfinite(found.model).all()
    said = json.loads(json.dumps(found.as_mapping(), default=str))
    assert said["diverged"] == 40 and said["power_spectrum_distance"]["model"] > 0.5
    assert "40 of the model's runs diverged" in free_run_html(found)
    scores = dynamics_scores(made, MEASURES, draws=20)
    assert scores[0].value == np.inf and all(score.value > 0.5 for score in scores)


def test_without_a_known_system_the_inferred_latents_are_the_reference():
    made = learned(known=False, quick=False)
    found = free_runs(made, steps=5)
    assert found.true_exponents is None and found.map_r2 is None and found.model.shape == (60, 11, 3)
    np.testing.assert_allclose(found.model, found.truth, rtol=1e-6)
    scores = dynamics_scores(made, (), None, optional=MEASURES, draws=20)
    assert [score.name for score in scores] == list(MEASURES[1:])


@pytest.mark.parametrize(("held", "says"), [("mean", "mean"), ("last", "last"), ("zero", "no input")])
def test_what_is_held_is_said(held, says):
    assert says in free_runs(learned(quick=False), bins=8, transient=0, held=held, steps=2).held


def test_the_figure_and_the_table():
    found = kept_free_runs(learned())
    html = free_run_html(found)
    assert html.count("<figure") == 1 and "Lyapunov exponents" in html and "nan" not in html.lower()
    title, headings, rows, _ = found.table()
    assert title and all(len(row) == len(headings) for row in rows) and rows[0][0] == "model"


def test_too_few_trials():
    few = learned(quick=False)
    for name in ("seen_train", "seen_test"):
        seen = few.__dict__[name]
        few.__dict__[name] = Visited(seen.states[:3], seen.drives[:3], seen.latents[:3], seen.mask[:3], 2)
    few = dataclasses.replace(few, train=few.train.select(slice(0, 3)), test=few.test.select(slice(0, 3)))
    with pytest.raises(InvalidInput, match="at least 4"):
        free_runs(few)
