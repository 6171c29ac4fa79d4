"""Four spectra of models whose dynamics are the true ones, or others, on worlds where both are known."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from neurodyn.analysis import residual_activity as activity_module
from neurodyn.analysis.dynamics_measures.base import CLAIMS, dynamics_scores
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.local_jacobians import model_growth
from neurodyn.analysis.posterior_samples import sampled_activity
from neurodyn.analysis.residual_activity import residual_activity
from neurodyn.analysis.residual_comparison import compare_residuals, kept_activity, kept_spectra
from neurodyn.analysis.visited import Visited
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.reporting.residual_dynamics import residual_dynamics_html, residual_operators_html
from neurodyn.simulate.datasets.planar_decision import PlanarDecision
from neurodyn.simulate.datasets.two_area import TwoArea

LINE = np.array([[0.0, -5.0], [0.0, -5.0]])
HIDDEN = 1.5
"""Growth a bin of a third mode that never reaches the latents."""


@dataclass(frozen=True)
class LinearWorldConfig:
    """No options."""


class LinearWorld(Model):
    """x' = (I + Δ A)^10 x + B u a bin, and one unstable mode that no latent reads."""

    Config: ClassVar = LinearWorldConfig
    has_dynamics: ClassVar[bool] = True

    def __init__(self, spec, matrix):
        super().__init__(LinearWorldConfig(), spec)
        one = np.eye(2) + 0.001 * matrix
        full = np.zeros((3, 3))
        full[:2, :2] = np.linalg.matrix_power(one, 10)
        full[2, 2] = HIDDEN
        self.full = torch.tensor(full)

    def forward(self, observed, privileged=None):
        return Output()

    def step(self, state, inputs):
        return state @ self.full.to(state).T + 0 * inputs[:, :1]


def learned(matrix, trials):
    made = LearnedDynamics.of(LinearWorld(DataSpec.of(trials.train), matrix), trials.train, trials.valid, trials.test)
    for name in ("train", "test"):
        part = getattr(made, name)
        states = part.truth["states"]
        padded = np.concatenate([states, np.ones((*states.shape[:2], 1))], 2)
        made.__dict__[f"seen_{name}"] = Visited(padded, part.truth["inputs"], 2 * states + 1, part.mask, 2)
    return made


def truly_sampled(model, trials, seed=0):
    return np.random.default_rng(seed + 100).poisson(trials.truth["rates"]).astype(float)


@pytest.fixture(scope="module")
def both():
    trials = PlanarDecision.with_options(
        kind="line_attractor", trials=1500, log_rate=-0.5, randomness="shared", forward=0
    ).load()
    patch = pytest.MonkeyPatch()
    patch.setattr(activity_module, "sampled_activity", truly_sampled)
    try:
        made = learned(LINE, trials), learned(np.diag([-20.0, -40.0]), trials)
        for each in made:
            kept_spectra(each)
    finally:
        patch.undo()
    return made


def test_the_true_dynamics_match_in_all_four(both):
    spectra = kept_spectra(both[0])
    assert {gap.verdict for gap in spectra.gaps.values()} == {"match"}
    np.testing.assert_allclose(spectra.leading["model"], spectra.leading["truth"], atol=1e-12)
    np.testing.assert_allclose(spectra.leading["truth"], 1.0, atol=1e-9)
    assert np.abs(spectra.leading["data"] - 1).mean() < 0.05 and spectra.plain.mean() < 0.7
    assert all(holds != ("although" in name or "cannot be told" in name) for name, holds in spectra.claims.items())
    assert np.abs(spectra.latents - 1).max() < 0.05
    assert any("with enough spikes the data would tell" in each for each in spectra.sentences())


def test_other_dynamics_with_the_same_samples_are_told_from_the_truth(both):
    spectra = kept_spectra(both[1])
    assert spectra.gap("data", "samples").verdict == "match"
    assert spectra.gap("model", "truth").verdict == "differ"
    np.testing.assert_allclose(spectra.leading["model"], 0.98**50, rtol=1e-9)
    assert spectra.claims["samples match the data although the model's own dynamics spread deviations otherwise"]
    said = " ".join(spectra.sentences())
    assert "Data and samples of the model match" in said and "Jacobian of the model and true Jacobian differ" in said
    assert "tolerance 0.1" in said


def test_measures_say_the_same_with_their_baselines_and_ceilings(both):
    scores = {}
    for each in both:
        names = ("residual_spectrum_gap", "jacobian_spectrum_gap")
        for score in dynamics_scores(each, names, untrained=both[1], draws=60):
            scores[score.name, each is both[0]] = score
    gap, other = (scores["residual_spectrum_gap", true] for true in (True, False))
    assert gap.value == pytest.approx(kept_spectra(both[0]).gap("data", "samples").value, abs=1e-9)
    assert gap.value < 0.1 < gap.baselines["plain_regression"] and gap.baselines["shuffled"] > 0.5
    assert gap.ceiling is not None and gap.ceiling < 0.1 and other.value == pytest.approx(gap.value)
    assert gap.context[CLAIMS] and gap.n == len(kept_activity(both[0]).data)
    own, wrong = (scores["jacobian_spectrum_gap", true] for true in (True, False))
    assert own.value < 1e-9 and wrong.value == pytest.approx(1 - 0.98**50, rel=1e-6)
    assert own.baselines["residual_dynamics"] < own.baselines["plain_regression"]
    assert own.baselines["identity"] < 1e-6  # a line attractor's leading eigenvalue


def test_a_mode_that_reaches_no_latent_does_not_count(both):
    seen = both[0].seen_test
    steps = np.array([[1, 6], [40, 45]])
    grown = model_growth(both[0], seen.states[:3], seen.drives[:3], steps, 3)
    np.testing.assert_allclose(grown[..., 0], 1.0, atol=1e-9)
    assert (grown < HIDDEN).all()


def test_results_are_plain_and_drawn(both):
    spectra = kept_spectra(both[1])
    assert json.loads(json.dumps(spectra.as_mapping()))["gaps"]
    title, headings, rows, note = spectra.table()
    assert title and len(rows) == 6 and all(len(row) == len(headings) for row in rows) and "Tolerance" in note
    page = residual_dynamics_html(spectra)
    assert page.startswith("<figure") and "true Jacobian" in page and "tolerance" in page
    assert "non-normality" in residual_operators_html(kept_activity(both[1]).of_data, draws=20)


def test_a_twin_has_the_data_of_the_circuit_and_another_truth():
    options = {"trials": 160, "randomness": "per_trial", "heldout": 0.0, "forward": 0}
    found = {}
    for twin in (None, 0.2):
        trials = TwoArea.with_options(twin=twin, **options).load()
        torch.manual_seed(0)
        model = LFADS(LFADSConfig(generator=6, factors=3), DataSpec.of(trials.train))
        model.prepare([trials.train])
        made = LearnedDynamics.of(model, trials.train, trials.valid, trials.test)
        found[twin] = compare_residuals(made, draws=20, smoothness=1e3)
    one, other = found[None], found[0.2]
    for route in ("data", "samples", "model"):
        np.testing.assert_allclose(one.leading[route], other.leading[route], atol=1e-6)
    assert np.abs(one.leading["truth"] - other.leading["truth"]).max() > 0.2
    np.testing.assert_allclose(one.twins["the twin with J_S' = 0.2"], other.leading["truth"], atol=1e-9)
    assert len(one.twins) == 3 and any("which makes the same data" in each for each in one.sentences())


def test_samples_are_of_the_trials_own_units_and_the_same_for_a_seed():
    trials = PlanarDecision.with_options(trials=40, heldout=0.5, forward=10).load()
    model = LFADS(LFADSConfig(generator=5, factors=3), DataSpec.of(trials))
    model.prepare([trials])
    one, again, other = (sampled_activity(model, trials, seed) for seed in (1, 1, 2))
    assert one.shape == trials.counts.shape and (one == np.round(one)).all()
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    # The readout starts at each unit's mean rate, so that sampled and recorded means agree unit by unit.
    assert np.corrcoef(one.mean((0, 1)), trials.counts.mean((0, 1)))[0, 1] > 0.8


def test_too_few_trials_and_models_without_dynamics_are_refused():
    for number, said in ((12, r"\d+ trials; expected at least \d+"), (6, "at least 5 of one condition")):
        trials = PlanarDecision.with_options(trials=number, forward=0).load()
        lfads = LFADS(LFADSConfig(generator=5, factors=3), DataSpec.of(trials.train))
        lfads.prepare([trials.train])
        with pytest.raises(InvalidInput, match=said):
            compare_residuals(LearnedDynamics.of(lfads, trials.train, trials.valid, trials.test))
    plain = dataclasses.replace(LearnedDynamics.of(lfads, trials.train, trials.valid, trials.test))
    plain.model.__class__ = type("Still", (LFADS,), {"has_dynamics": False, "__module__": LFADS.__module__})
    with pytest.raises(InvalidInput, match="dynamics"):
        compare_residuals(plain)


def test_a_choice_that_training_trials_make_once_does_not_stop_the_estimate():
    trials = PlanarDecision.with_options(trials=200, forward=0).load()
    parts = []
    for part, rare in ((trials.train, 1), (trials.valid, 2), (trials.test, 3)):
        conditions = np.array(part.conditions)
        conditions[:rare] = 7
        parts.append(dataclasses.replace(part, table=part.table.assign(condition=conditions)))
    model = LFADS(LFADSConfig(generator=5, factors=3), DataSpec.of(parts[0]))
    model.prepare(parts[:1])
    found = residual_activity(LearnedDynamics.of(model, *parts), smoothness=100.0)
    assert (found.conditions == np.unique(found.conditions)[-1]).sum() == 6


@pytest.mark.parametrize("window_s", [0.04, 0.05])
def test_windows_of_even_and_odd_length_have_latents_where_steps_begin(window_s, monkeypatch):
    """The latents count up, so that what the true latents' estimate is given tells their bins."""
    trials = PlanarDecision.with_options(trials=120, forward=0).load()
    model = LFADS(LFADSConfig(generator=5, factors=3), DataSpec.of(trials.train))
    model.prepare([trials.train])
    parts = [
        dataclasses.replace(
            part, truth={**part.truth, "latents": part.truth["latents"] * 0 + np.arange(part.bins)[:, None]}
        )
        for part in (trials.train, trials.valid, trials.test)
    ]
    given = []
    estimate = activity_module.estimate
    monkeypatch.setattr(activity_module, "residuals", lambda values, *_: given.append(values) or values)
    monkeypatch.setattr(
        activity_module,
        "estimate",
        lambda *a, **k: estimate(np.random.default_rng(0).normal(size=a[0].shape), *a[1:], **k),
    )
    found = residual_activity(LearnedDynamics.of(model, *parts), window_s=window_s, smoothness=100.0)
    bins = given[-1][0, :, 0]
    np.testing.assert_array_equal(found.steps[:, 0] - 1, bins[found.of_data.bins])
