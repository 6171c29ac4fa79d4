"""A teacher may be scored with the behaviour of the test trials, and then its scores say so; no other model can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import neurodyn as nd
from neurodyn.cli import main
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.behaviour_r2 import BehaviourR2
from neurodyn.training.run import Run

DATA: dict[str, Any] = {"train": 20, "valid": 8, "test": 10, "heldin": 6, "heldout": 3}
MODEL: dict[str, Any] = {"width": 4, "layers": 1, "feedforward": 4, "train": {"epochs": 1}, "progress": False}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher and a model without behaviour, each in a run's folder."""
    folder = tmp_path_factory.mktemp("runs")
    trials = nd.load("privileged_reach", **DATA)
    nd.fit("ndt", trials, out=folder / "teacher", behaviour={"fusion": "add"}, **MODEL)
    nd.fit("ndt", trials, out=folder / "plain", **MODEL)
    return folder


def test_a_teachers_scores_are_of_what_it_infers_with_behaviour(runs: Path) -> None:
    with_it, without = (
        {s.name: s for s in nd.evaluate(runs / "teacher", privileged=given, baselines=False)} for given in (True, False)
    )
    trials = nd.load("privileged_reach", **DATA)
    model = nd.Estimator.load(runs / "teacher").model_
    parts = {"train": trials.train, "test": trials.test}
    evaluation = Evaluation(parts, {name: model.infer(part, privileged=True) for name, part in parts.items()})
    assert with_it["behaviour_r2"].value == pytest.approx(BehaviourR2().measure(evaluation).value, abs=1e-6)
    assert with_it["behaviour_r2"].value != without["behaviour_r2"].value
    assert all(score.context["privileged"] for score in with_it.values())
    assert not any(score.context["privileged"] for score in without.values())


def test_the_command_line_says_that_it_was_given_behaviour(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(runs / "teacher"), "--privileged", "--metrics", "co_bps", "--json"]) == 0
    (score,) = json.loads(capsys.readouterr().out)["scores"]
    assert score["context"]["privileged"] is True and "drawn" not in score
    assert main(["evaluate", str(runs / "teacher"), "--privileged", "--metrics", "co_bps"]) == 0
    assert "not deployable" in " ".join(capsys.readouterr().err.split())


def test_a_report_infers_as_the_scores_that_lie_in_the_run(runs: Path, tmp_path: Path) -> None:
    given = "with the behaviour of the test trials"
    for privileged in (True, False):
        scores = {s.name: s.value for s in nd.evaluate(runs / "teacher", privileged=privileged)}
        page = nd.report(runs / "teacher", tmp_path / "page.html").read_text()
        kept = Run.open(runs / "teacher").scores()
        assert {s.name: s.value for s in kept} == pytest.approx(scores)
        assert {s.context["privileged"] for s in kept} == {privileged}
        assert (given in page) == privileged


def test_a_model_that_takes_no_behaviour_is_given_none(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match="privileged"):
        nd.evaluate(runs / "plain", privileged=True)
    assert main(["evaluate", str(runs / "plain"), "--privileged"]) == 2
    assert "privileged" in capsys.readouterr().err
