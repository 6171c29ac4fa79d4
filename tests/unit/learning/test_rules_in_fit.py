"""Learning rules through `fit`: every one trains and is recorded, and what cannot work is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodyn as nd
from neurodyn import registry
from neurodyn.cli import main
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.training.run import Run

RULES: dict[str, dict[str, Any]] = {
    "bptt": {},
    "truncated_bptt": {"window": 4},
    "eprop": {"feedback": "adaptive"},
    "rflo": {},
    "snap1": {},
    "mdgl": {"types": 2},
    "modprop": {"types": 2},
    "feedback_alignment": {},
    "rtrl": {},
    "readout_only": {},
    "node_perturbation": {"base": "condition_mean"},
}
QUICK = {"epochs": 2, "batch_size": 10, "schedule": "constant"}


def trials() -> Any:
    draw = np.random.default_rng(0)
    split = ["train"] * 20 + ["valid"] * 4
    condition = np.arange(24) % 2
    target = np.repeat((condition - 0.5)[:, None, None], 12, 1)
    stimulus = target + 0.1 * draw.standard_normal((24, 12, 1))
    return nd.Trials.from_arrays(bin_s=0.01, stimulus=stimulus, targets=target, conditions=condition, split=split)


def test_every_rule_of_gradients_is_tried() -> None:
    assert set(RULES) == {n for n in registry.names("learning_rules") if registry.load("learning_rules", n).iterative}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_trains_and_is_recorded(rule: str, tmp_path: Path) -> None:
    options = {"name": rule, **RULES[rule]}
    train = {**QUICK, "epochs": 15, "learning_rate": 1e-2}
    fitted = nd.fit("task_rnn", trials(), rule=options, units=8, train=train, out=tmp_path / "run", progress=False)
    plan = Run.open(tmp_path / "run").plan
    assert plan.rule == rule and plan.named_rule.items() >= options.items()
    losses = [row["train/main"] for row in fitted.fitted_.history]
    assert losses[-1] < 0.9 * losses[0]


def test_a_run_with_feedback_weights_resumes_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    def weights(out: str, epochs: int, resume: bool = False) -> np.ndarray:
        rule = {"name": "eprop", "feedback": "adaptive", "feedback_decay": 0.1}
        train = {**QUICK, "epochs": epochs}
        options: dict[str, Any] = {"rule": rule, "units": 8, "train": train, "progress": False, "resume": resume}
        fitted = nd.fit("task_rnn", trials(), out=tmp_path / out, **options)
        found: np.ndarray = fitted.model_.recurrent.detach().numpy()
        return found

    whole = weights("whole", 4)
    weights("halves", 2)
    np.testing.assert_array_equal(weights("halves", 4, resume=True), whole)


def test_bad_input() -> None:
    with pytest.raises(UnknownName, match="eprop"):
        nd.fit("task_rnn", trials(), rule="e_prop", train=QUICK, progress=False)
    with pytest.raises(InvalidInput, match=r"rule\.window"):
        nd.fit("task_rnn", trials(), rule={"name": "truncated_bptt", "window": 0}, train=QUICK, progress=False)
    with pytest.raises(InvalidInput, match="no cell types"):
        nd.fit("task_rnn", trials(), rule="modprop", train=QUICK, progress=False)
    with pytest.raises(InvalidInput, match="1 for the rule eprop"):
        nd.fit("task_rnn", trials(), rule="eprop", train={**QUICK, "parts": 2}, progress=False)


@pytest.mark.parametrize("rule", [name for name in RULES if name != "bptt"])
def test_another_model_is_refused(rule: str) -> None:
    counts = np.random.default_rng(0).poisson(0.3, (12, 10, 5))
    spikes = nd.Trials.from_arrays(counts, bin_s=0.02)
    with pytest.raises(InvalidInput, match=f"{rule} is for leaky rate networks") as raised:
        nd.fit("lfads", spikes, rule={"name": rule, **RULES[rule]}, train=QUICK, progress=False)
    assert raised.value.field == "rule" and "bptt" in str(raised.value)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [
        "--model.units",
        "8",
        "--data.trials",
        "20",
        "--data.valid",
        "4",
        "--data.test",
        "4",
        "--train.epochs",
        "1",
    ]
    out = ["--out", str(tmp_path / "run"), "--train.batch_size", "10"]
    assert main(["fit", "task_rnn", "reach", "--rule", "eprop", "--rule.feedback", "random", *flags, *out]) == 0
    assert Run.open(tmp_path / "run").plan.named_rule["feedback"] == "random"
    assert main(["fit", "task_rnn", "reach", "--rule", "e_prop", *flags, *out]) == 2
    assert "eprop" in capsys.readouterr().err
