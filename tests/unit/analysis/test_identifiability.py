"""Agreement of inferred inputs where it is known: inputs that are linear in each other, or have nothing in common."""

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.analysis.identifiability import Fit, input_identifiability
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.dynamics.input_agreement import InputAgreement, RunInputs
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.reporting.identifiability import identifiability_html

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(2.0, (90, 30, 6))
TRIALS = Trials.from_arrays(COUNTS, bin_s=0.02)
SLOW = 0.6


@dataclass(frozen=True)
class SummingConfig:
    """No options."""


class Summing(Model):
    """Inputs u = (counts − 2) W, states g' = .6 g + u."""

    Config: ClassVar = SummingConfig
    has_dynamics: ClassVar[bool] = True

    def __init__(self, spec, weights):
        super().__init__(SummingConfig(), spec)
        self.register_buffer("weights", torch.tensor(weights))

    def step(self, state, inputs):
        return SLOW * state + inputs

    def forward(self, observed, privileged=None):
        inputs = (observed.neural - 2) @ self.weights.to(observed.neural)
        state, states = torch.zeros_like(inputs[:, 0]), []
        for t in range(observed.bins):
            state = self.step(state, inputs[:, t])
            states.append(state)
        path = torch.stack(states, 1)
        rates = torch.zeros(*path.shape[:2], observed.neural.shape[2], 1).to(path)
        return Output(
            {observed.neural_name: rates},
            latents=path,
            inputs=inputs,
            kl={"inputs": inputs.square().sum((1, 2))},
            hidden={"state": path, "drive": inputs},
        )


def fit(name, weights, trials=TRIALS, **settings):
    cut = [trials.select(slice(a, b)) for a, b in ((0, 50), (50, 65), (65, 90))]
    model = Summing(DataSpec.of(trials), np.asarray(weights, float))
    return Fit(name, LearnedDynamics.of(model, *cut), {"model": "summing", "seed": 0, **settings})


FIRST = np.eye(6)[:, :2]
TURNED = FIRST @ np.array([[0.8, 0.6], [-0.6, 0.8]])
OTHER = np.eye(6)[:, 2:4]


@pytest.fixture(scope="module")
def found():
    fits = [
        fit("a", FIRST, seed=1, **{"model.size": 2}),
        fit("b", TURNED, seed=2, **{"model.size": 2}),
        fit("c", OTHER, seed=1, **{"model.size": 3}),
    ]
    return input_identifiability(fits)


def test_inputs_that_are_linear_in_each_other_agree_and_others_do_not(found):
    assert found.r2[0, 1] == pytest.approx(1, abs=1e-6) and found.r2[1, 0] == pytest.approx(1, abs=1e-6)
    assert abs(found.r2[0, 2]) < 0.02 and abs(found.r2[2, 1]) < 0.02
    assert np.isnan(np.diag(found.r2)).all()


def test_the_state_explains_what_it_has_of_the_inputs(found):
    """g' = a g + u with white u: the squared correlation of u with the state of its bin is 1 − a²."""
    assert found.state[0, 1] == pytest.approx(1 - SLOW**2, abs=0.03)
    assert found.gain[0, 1] == pytest.approx(1, abs=1e-6)
    assert abs(found.shuffled[0, 1]) < 0.02


def test_groups_by_what_differs_but_the_seed(found):
    assert found.groups() == {"size=2": [0, 1], "size=3": [2]}
    ensembles = found.ensembles()
    assert ensembles["size=2"]["pairs"] == 2 and ensembles["between groups"]["pairs"] == 4
    assert "With size=2, fits agree on the inputs, and beyond" in found.verdict()[0]
    assert "Across groups, fits do not agree" in found.verdict()[1]


def test_what_is_said_of_each_fit(found):
    run = found.runs[0]
    assert run.dimensions == 2 and run.used == pytest.approx(2, abs=0.02)
    # Var(u) / Var(g' − g) with g stationary: (1 + a) / 2.
    assert run.identified_energy == pytest.approx((1 + SLOW) / 2, abs=0.03)
    assert run.kl_nats["inputs"] == pytest.approx(np.square(COUNTS[65:, :, :2] - 2).sum((1, 2)).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("r2", "state", "energy", "says"),
    [
        (0.9, 0.9, 0.5, "hardly more than their states do"),
        (0.95, 0.5, 0.5, "beyond what their states tell"),
        (0.3, 0.1, 0.5, "do not agree"),
        (0.3, 0.1, 0.001, "less than 1 % of the state's changes in a, b"),
    ],
)
def test_the_verdict(r2, state, energy, says):
    runs = tuple(RunInputs(name, "", 1, 1.0, {}, None, energy) for name in "ab")
    agreement = InputAgreement(runs, *(np.full((2, 2), value) for value in (r2, 0.0, state)))
    assert any(says in sentence for sentence in agreement.verdict())


@pytest.mark.parametrize(
    ("r2", "says"), [((0.5, 0.52), "hardly differ"), ((0.5, 0.8), "nearest to those of B"), ((0.8, 0.5), "the class")]
)
def test_the_verdict_on_twins(r2, says):
    twins = dict(zip(("A", "B"), ((value, 0.0) for value in r2)))
    run = RunInputs("a", "", 1, 1.0, {}, None, 0.5, {}, twins)
    said = " ".join(InputAgreement((run,), *(np.full((1, 1), np.nan) for _ in range(3))).verdict())
    assert says in said and ("nearest" in said) == (r2[1] > 0.6)


def test_json_table_and_page(found):
    said = json.loads(json.dumps(found.as_mapping(), default=str))
    assert [run["name"] for run in said["runs"]] == ["a", "b", "c"] and len(said["verdict"]) == 2
    _, headings, rows, _ = found.table()
    assert all(len(row) == len(headings) for row in rows)
    html = identifiability_html(found)
    assert html.count("<figure") == 1 and html.count("<table") == 2


def test_a_fit_alone_is_told_to_bring_company():
    alone = input_identifiability([fit("a", FIRST)])
    assert not alone.ensembles() and "One fit alone" in alone.verdict()[-1]
    assert identifiability_html(alone).count("<figure") == 0


def test_twins_of_the_two_area_circuit():
    trials = neurodyn.load("two_area", trials=40, heldout=0.0, forward=0)
    options = {"inferred_inputs": 1, "factors": 2, "generator": {"size": 4}, "train": {"epochs": 1}, "progress": False}
    fits = []
    for seed in (0, 1):
        fitted = neurodyn.fit("lfads", trials, seed=seed, **options)
        three = trials.train, trials.valid, trials.test
        fits.append(Fit.of(f"seed {seed}", fitted, *three))
    found = input_identifiability(fits)
    assert list(found.runs[0].twins) == ["the circuit itself (J_S 0.4182)"] + [
        f"its twin with J_S' {structure:g}" for structure in (0.2, 0.35, 0.45)
    ]
    assert found.runs[0].twins["the circuit itself (J_S 0.4182)"][0] == pytest.approx(
        found.runs[0].scores["input_r2_forward"], abs=1e-6
    )
    assert any("the data identify the class" in sentence for sentence in found.verdict())
    assert found.groups() == {"": [0, 1]} and "Twins" in identifiability_html(found)


@pytest.mark.parametrize(
    ("fits", "says"),
    [
        ([], "at least one"),
        ([fit("a", FIRST), fit("a", FIRST)], "each run once"),
        ([fit("a", FIRST), fit("b", FIRST, Trials.from_arrays(COUNTS + 1, bin_s=0.02))], "other test trials than a"),
    ],
)
def test_bad_input(fits, says):
    with pytest.raises(InvalidInput, match=says):
        input_identifiability(fits)
