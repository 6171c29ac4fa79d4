"""Gradients of rules beside the exact ones, at weights that a run kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurodyn.analysis.gradient_alignment import gradient_alignment
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.objectives.base import Step
from neurodyn.training.kept import ALL, GradientAlignment
from neurodyn.training.run import Run
from task_runs import STEPS, reach_run, reaches, trained


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return reach_run(tmp_path_factory.mktemp("aligned") / "run")


def test_readout_is_exact_and_the_rest_is_not(run: Run) -> None:
    found = gradient_alignment(run, reaches().train, progress=False)
    assert found.rule == "eprop" and found.steps.tolist() == list(STEPS) and found.trials == 24
    cosine = dict(zip(found.blocks, found.cosine.T))
    assert found.blocks[0] == ALL and set(found.blocks[1:]) == {n for n, _ in run.model().named_parameters()}
    for exact in ("output", "output_bias"):
        np.testing.assert_allclose(cosine[exact], 1, atol=1e-6)
    assert ((cosine["recurrent"] < 0.9999) & (cosine["recurrent"] > 0)).all()
    np.testing.assert_allclose(found.angle_deg, np.degrees(np.arccos(np.minimum(found.cosine, 1))))
    together = np.sqrt((found.norm[:, 1:] ** 2).sum(1))
    np.testing.assert_allclose(found.norm[:, 0], together)


def test_exact_gradients_are_those_of_the_objective_as_it_stood(run: Run) -> None:
    found = gradient_alignment(run, reaches().train, progress=False)
    model, step = run.model(), STEPS[2]
    weights, beside = run.kept(step)
    model.load_state_dict(weights)
    objective = run.plan.build_objective(model)
    assert objective.trained is not None
    objective.trained.load_state_dict(beside["objective"])
    penalty = float(beside["objective"]["activity_penalty"])
    assert penalty == pytest.approx(10 * (2 / 3) ** step, rel=1e-5)  # it shrank in every update so far
    batch = Batch.of(reaches().train)
    objective(model(batch.observed), batch, Step(0, step)).total.backward()  # type: ignore[no-untyped-call]
    by_hand = {name: float(p.grad.norm()) for name, p in model.named_parameters() if p.grad is not None}
    row = dict(zip(found.blocks, found.exact_norm[2]))
    assert {name: row[name] for name in by_hand} == pytest.approx(by_hand, rel=1e-4)


def test_another_rule_at_the_same_weights(run: Run) -> None:
    exact = gradient_alignment(run, reaches().train, rule="bptt", progress=False)
    np.testing.assert_allclose(exact.cosine, 1, atol=1e-6)
    np.testing.assert_allclose(exact.norm, exact.exact_norm)


def test_adaptive_feedback_is_that_of_the_step(tmp_path: Path) -> None:
    trials = reaches()
    trained(trials, tmp_path / "run", rule={"name": "eprop", "feedback": "adaptive", "feedback_decay": 0.1})
    run = Run.open(tmp_path / "run")
    feedback = [run.kept(step)[1]["rule"]["weights"] for step in STEPS]
    assert not torch.equal(feedback[0], feedback[-1])
    found = gradient_alignment(run, trials.train, progress=False)
    for step in STEPS[1:]:  # with the first step's feedback at every step it is another one
        path = run.path / f"checkpoints/beside_{step:08d}.safetensors"
        path.write_bytes((run.path / "checkpoints/beside_00000000.safetensors").read_bytes())
    other = gradient_alignment(run, trials.train, progress=False)
    recurrent = found.blocks.index("recurrent")
    np.testing.assert_array_equal(found.cosine[0], other.cosine[0])
    assert abs(found.cosine[-1, recurrent] - other.cosine[-1, recurrent]) > 1e-6


def test_kept_and_read_again(run: Run, tmp_path: Path) -> None:
    import json

    assert GradientAlignment.read(tmp_path) is None
    found = gradient_alignment(run, reaches().train, progress=False)
    found.cosine[0, 2] = np.nan
    (tmp_path / GradientAlignment.FILE).parent.mkdir()
    (tmp_path / GradientAlignment.FILE).write_text(json.dumps(found.as_mapping(), allow_nan=False))
    again = GradientAlignment.read(tmp_path)
    assert again is not None and again.blocks == found.blocks and again.rule == "eprop"
    for name in ("steps", "cosine", "norm", "exact_norm"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))


def test_what_cannot_be_compared_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="finds gradients"):
        gradient_alignment(run, reaches().train, rule="closed_form", progress=False)
    with pytest.raises(UnknownName, match="eprop"):
        gradient_alignment(run, reaches().train, rule="epro", progress=False)
    trained(reaches(), tmp_path / "none", train={"checkpoint_steps": ()})
    with pytest.raises(InvalidInput, match="kept no weights"):
        gradient_alignment(Run.open(tmp_path / "none"), reaches().train, progress=False)
