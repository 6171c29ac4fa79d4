"""The report of a network that was trained on a task, where nothing was recorded."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import neurodyn
from neurodyn import api
from neurodyn.analysis.errors_over_training import errors_over_training
from neurodyn.analysis.gradient_alignment import gradient_alignment
from neurodyn.data.trials import Trials
from neurodyn.reporting.event import Event
from neurodyn.reporting.page import render
from neurodyn.reporting.scores import number
from neurodyn.reporting.subject import Subject
from neurodyn.reporting.task_outputs import UNCOUNTED, TaskOutputs
from neurodyn.reporting.unit_activity import UnitActivity
from neurodyn.training.run import Run
from task_runs import matches, reaches, trained

SHOWN = [
    *("scores", "diagnosis", "learning_curves", "errors_over_training", "task_outputs", "unit_activity"),
    *("trajectories", "recurrent_spectrum", "gradient_alignment", "reproduce"),
]


def analysed(trials: Trials, folder: Path) -> Subject:
    trained(trials, folder)
    run = Run.open(folder)
    (run.path / "analysis").mkdir()
    for found in (gradient_alignment(run, trials.train, progress=False), errors_over_training(run, trials.test)):
        (run.path / found.FILE).write_text(json.dumps(found.as_mapping()))
    (subject,) = api.subjects(folder)
    return subject


@pytest.fixture(scope="module")
def reach(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return analysed(reaches(), tmp_path_factory.mktemp("report") / "run")


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return analysed(matches(), tmp_path_factory.mktemp("report") / "run")


def figures(html: str) -> list[dict]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', html)]


@pytest.mark.parametrize("name", ["reach", "match"])
def test_sections_of_a_task_and_none_that_needs_a_population(name: str, request: pytest.FixtureRequest) -> None:
    subject = request.getfixturevalue(name)
    page = render([subject])
    assert re.findall(r'<section id="(\w+)">', page) == SHOWN
    assert "nan" not in re.sub(r"<script>.*?</script>", "", page, flags=re.S).lower().split()


def test_without_analyses_and_side_by_side(reach: Subject) -> None:
    bare = dataclasses.replace(reach, name="bare", errors=None, gradients=None, spectrum=None)
    names = re.findall(r'<section id="(\w+)">', render([bare]))
    assert names == [n for n in SHOWN if n not in ("errors_over_training", "recurrent_spectrum", "gradient_alignment")]
    assert render([reach, bare]).count('<h3 class="subject">bare</h3>') >= 4


def test_scores_are_said_in_words_beside_their_baselines(reach: Subject, match: Subject) -> None:
    page = render([reach])
    score = reach.scores[0]
    assert f"The network leaves {number(score.value)} " in page
    for name in ("constant_output", "linear", "untrained", "shuffled"):
        assert f": {number(score.baselines[name])}" in page
    assert "Not of held-out data" not in page
    page = render([match])
    assert "decides rightly in a share of" in page and "is surprised by the right class by" in page


def test_repeated_conditions_are_said_not_to_be_held_out() -> None:
    trials = neurodyn.load("reach", source="conditions", task={"kinematics": "minimum_jerk"})
    fitted = neurodyn.fit("task_rnn", trials, units=8, train={"epochs": 2, "batch_size": 8}, progress=False)
    page = render(api.subjects(fitted))
    assert "Not of held-out data" in page and "nothing here is held out" in page


def test_targets_end_and_grey_begins_where_nothing_counts(reach: Subject) -> None:
    (figure,) = figures(TaskOutputs().html(reach))
    target = next(t for t in figure["data"] if t["name"] == "target")
    said = next(t for t in figure["data"] if t["name"] == "output")
    mask = reach.test.signals["target"].mask
    assert mask is not None
    shown = [t for t in range(len(reach.test)) if f"test trial {t + 1}," in json.dumps(figure["layout"]["annotations"])]
    uncounted = int((~mask[shown, :, 0]).sum())
    assert len(shown) == 4 and sum(v is None for v in target["y"]) == uncounted + 4 * 6  # gaps of 6 bins
    assert sum(v is None for v in said["y"]) == 4 * 6
    grey = [s for s in figure["layout"]["shapes"] if s.get("fillcolor") == UNCOUNTED and s["xref"] == said["xaxis"]]
    assert sum(s["x1"] - s["x0"] for s in grey) == pytest.approx(uncounted * 0.01, rel=1e-3)


def test_unit_activity_is_aligned_to_the_movement(reach: Subject) -> None:
    event = Event.of(reach.test)
    assert event.name == "onset"
    onset = reach.test.table["onset_bin"].to_numpy()
    assert event.offsets[0] == -onset.min() and event.offsets[-1] == reach.test.bins - 1 - onset.max()
    values = np.arange(reach.test.bins, dtype=float) * np.ones((len(reach.test), 1))
    aligned = event.aligned(values, np.array([3, 0]))
    np.testing.assert_array_equal(aligned, onset[[3, 0], None] + event.offsets)
    (figure,) = figures(UnitActivity().html(reach))
    assert {t["name"] for t in figure["data"]} == {str(c) for c in range(8)}
    assert figure["data"][0]["x"][-event.offsets[0]] == 0


def test_trials_without_an_event_are_as_they_are(match: Subject) -> None:
    event = Event.of(match.test)
    assert event.name == "" and event.offsets.tolist() == list(range(match.test.bins))
    short = match.test.mask.copy()
    short[1, 5:] = False
    shorter = Event.of(dataclasses.replace(match.test, mask=short))
    aligned = shorter.aligned(np.ones((len(match.test), match.test.bins, 2)), np.array([1]))
    assert np.isnan(aligned[0, 5:]).all() and (aligned[0, :5] == 1).all()


def test_a_task_of_one_condition_has_no_activity_by_condition(reach: Subject) -> None:
    table = pd.DataFrame({"condition": np.zeros(len(reach.test), int)})
    one = dataclasses.replace(reach.test, table=table)
    assert not UnitActivity().applies(dataclasses.replace(reach, trials={**reach.trials, "test": one}))


def test_small_scores_keep_their_digits() -> None:
    assert number(0.00123) == "0.0012" and number(-0.0004, signed=True) == "−0.0004"
    assert number(0.0) == "0.000" and number(0.0456) == "0.046" and number(None) == "–"
