"""The whole analysis on a model whose dynamics are the true ones: PFC of the two-area circuit, seen through a linear map."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import neurodyn
from neurodyn.analysis.constant_inputs import constant_inputs
from neurodyn.analysis.fixed_points import KEPT, analyse_fixed_points, kept_portraits
from neurodyn.analysis.visited import Surroundings, visited
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.base import Model, Output
from neurodyn.models.mean_rate import MeanRate
from neurodyn.simulate.two_area import single_area

MIXING = torch.tensor([[2.0, -1.0], [0.5, 3.0]])
OFFSET = torch.tensor([1.0, -2.0])
PER_BIN = 10


@dataclass(frozen=True)
class TruePFCConfig:
    """No options."""


class TruePFC(Model):
    """PFC driven by the known input; its state is S, its latents S M + o. Trials start where their first counts say."""

    Config: ClassVar = TruePFCConfig
    has_dynamics: ClassVar[bool] = True

    def __init__(self, spec: DataSpec, inferred: bool = False) -> None:
        super().__init__(TruePFCConfig(), spec)
        circuit = single_area(0.4182)
        self.circuit, self.inferred = circuit.config, inferred
        self.register_buffer("coupling", torch.tensor(circuit.coupling, dtype=torch.float32))

    def step(self, state, inputs):
        c, h = self.circuit, self.spec.only.signals["counts"].bin_s / PER_BIN
        for _ in range(PER_BIN):
            current = state @ self.coupling + c.background_na + (inputs - 0.5 if self.inferred else inputs)
            drive = c.gain_hz_per_na * current - c.threshold_hz
            rates = drive / -torch.expm1(-c.curvature_s * drive)
            state = state + h * (-state / c.tau_s + c.saturation * (1 - state) * rates)
        return state

    def factors_of(self, state):
        return state @ MIXING.to(state) + OFFSET.to(state)

    def forward(self, observed, privileged=None):
        drive = observed.signals["external_input"] + (0.5 if self.inferred else 0)
        state, states = 0.15 * torch.rand(observed.trials, 2, generator=torch.Generator().manual_seed(0)), []
        for t in range(observed.bins):
            state = self.step(state, drive[:, t])
            states.append(state)
        path = torch.stack(states, 1)
        inputs = drive if self.inferred else None
        return Output(latents=self.factors_of(path), inputs=inputs, hidden={"state": path, "drive": drive})


@pytest.fixture(scope="module")
def trials():
    """Latents are those of a PFC without private noise, so that the model's are they exactly."""
    loaded = neurodyn.load("two_area", variant="ext", trials=120, heldout=0.0, forward=0)
    model = TruePFC(DataSpec.of(loaded))
    latents = visited(model, loaded).states
    return dataclasses.replace(loaded, truth={**loaded.truth, "latents": latents})


@pytest.fixture(scope="module")
def found(trials):
    return analyse_fixed_points(
        TruePFC(DataSpec.of(trials)), trials, ("zero", "mean", "period", "condition"), starts=400
    )


def test_exactly_the_true_points_are_found_under_every_input(found):
    assert [r.given.label for r in found.results][:5] == [
        "zero input", "mean input", "mean of fixation", "mean of stimulus", "mean of decision"
    ]  # fmt: skip
    assert len(found.results) == 5 + 8
    assert found.map_r2 == pytest.approx(1, abs=1e-6)
    for result in found.results:
        assert result.truth is not None and result.match is not None and result.mapped is not None
        points = result.mapped[result.visited]
        assert len(result.match.pairs) == len(points) and len(result.match.false) == 0, result.given.label
        assert set(result.match.missed) <= set(np.flatnonzero(~result.true_visited)), "only what no trial visits"
        model, true = result.match.pairs.T
        np.testing.assert_allclose(result.mapped[model], result.truth.points[true], atol=1e-5)
        # Ten Euler steps of 1 ms against the flow: an error of order (1 ms κ)² a step.
        assert result.match.eigenvalue_error is None or result.match.eigenvalue_error < 3e-3


def test_the_five_points_at_zero_input(found):
    zero = found.results[0]
    assert zero.found.kind.count("stable") == 3 and zero.found.kind.count("saddle") == 2
    assert len(zero.match.pairs) == 5 and zero.visited.all()
    assert zero.match.hausdorff < 1e-5


def test_an_inferred_inputs_zero_is_what_stands_for_a_true_zero(trials):
    model = TruePFC(DataSpec.of(trials), inferred=True)
    result = analyse_fixed_points(model, trials, ("zero",), starts=300).results[0]
    np.testing.assert_allclose(result.given.value, [0.5, 0.5], atol=1e-4)
    assert len(result.match.pairs) == 5 and len(result.match.false) == 0
    blind = dataclasses.replace(trials, truth={})
    seen = visited(model, blind)
    given, left_out = constant_inputs(seen, blind, ("zero", "mean"))
    assert [g.label for g in given] == ["mean input"] and "offset" in left_out["zero"]
    with pytest.raises(InvalidInput, match="inputs"):
        constant_inputs(seen, blind, ("zero",))


def test_without_truth_there_are_points_but_no_match(trials):
    blind = dataclasses.replace(trials, truth={})
    result = analyse_fixed_points(TruePFC(DataSpec.of(trials)), blind, ("zero",), starts=300)
    assert result.map_r2 is None and result.results[0].match is None and result.results[0].mapped is None
    assert len(result.results[0].found) == 5
    assert "truth" not in result.as_mapping()["inputs"][0]


def test_a_point_that_no_trial_visits_is_neither_found_nor_false(trials):
    """The latents are those of the first 120 ms, far from the decision states that the search reaches."""

    class Early(TruePFC):
        def forward(self, observed, privileged=None):
            output = super().forward(observed, privileged)
            return dataclasses.replace(output, latents=output.latents[:, torch.arange(observed.bins) // 8])

    model = Early(DataSpec.of(trials))
    early = dataclasses.replace(
        trials, truth={**trials.truth, "latents": trials.truth["latents"][:, np.arange(trials.bins) // 8]}
    )
    result = analyse_fixed_points(model, early, ("zero",), starts=400).results[0]
    decided = np.abs(result.mapped).max(1) > 0.5
    assert decided.sum() == 2 and result.visited.tolist() == (~decided).tolist()
    assert len(result.match.pairs) == 3 and len(result.match.false) == 0 and len(result.match.missed) == 2
    assert result.true_visited.tolist() == [False, True, True, True, False]
    assert result.as_mapping()["unvisited"] == 2


def test_surroundings():
    rng = np.random.default_rng(0)
    mask = np.ones((20, 50), bool)
    cloud = Surroundings(rng.normal(size=(20, 50, 2)), mask)
    assert cloud.hold(np.array([[0.0, 0.0], [1.0, -1.0], [9.0, 0.0]])).tolist() == [True, True, False]
    scaled = Surroundings(1e6 * rng.normal(size=(20, 50, 2)), mask)
    assert scaled.hold(np.array([[0.0, 0.0], [9e6, 0.0]])).tolist() == [True, False]
    assert cloud.hold(np.zeros((0, 2))).shape == (0,)
    with pytest.raises(InvalidInput, match="at least 2"):
        Surroundings(np.zeros((1, 50, 2)), mask[:1])


def test_files(found, tmp_path):
    folder = tmp_path / KEPT.parent
    folder.mkdir()
    found.write(tmp_path / KEPT)
    portraits = kept_portraits(tmp_path)
    assert [p.title for p in portraits] == [r.given.label for r in found.results]
    np.testing.assert_array_equal(portraits[0].mapped, found.portraits[0].mapped)
    assert kept_portraits(tmp_path / "nothing") == ()
    listed = json.loads(json.dumps(found.as_mapping(), allow_nan=False))
    assert listed["inputs"][0]["match"]["found"] == 5


def test_the_same_seed_gives_the_same_points(trials):
    model = TruePFC(DataSpec.of(trials))
    first, second = (analyse_fixed_points(model, trials, ("mean",), starts=50, seed=3).results[0] for _ in range(2))
    np.testing.assert_array_equal(first.found.points, second.found.points)
    np.testing.assert_array_equal(first.found.reached, second.found.reached)


def test_the_model_is_left_as_it_was(trials):
    model = TruePFC(DataSpec.of(trials)).train()
    analyse_fixed_points(model, trials, ("zero",), starts=5)
    assert model.training and model.coupling.dtype == torch.float32


def test_bad_input(trials):
    model = TruePFC(DataSpec.of(trials))
    with pytest.raises(UnknownName, match="period"):
        analyse_fixed_points(model, trials, ("periods",))
    with pytest.raises(InvalidInput, match="dynamics"):
        analyse_fixed_points(MeanRate(MeanRate.Config(), DataSpec.of(trials)), trials)
    with pytest.raises(InvalidInput, match="starts"):
        analyse_fixed_points(model, trials, starts=0)
