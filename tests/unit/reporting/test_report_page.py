from __future__ import annotations

import dataclasses
import json
import re
import shlex

import numpy as np
import pytest

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.behaviour_r2 import BehaviourR2
from neurodyn.models.lfads import LFADS, LFADSConfig
from neurodyn.reporting.behaviour import Behaviour
from neurodyn.reporting.calibration import calibration
from neurodyn.reporting.page import SECTIONS, render, write
from neurodyn.reporting.reproduce import commands
from neurodyn.reporting.subject import Subject
from neurodyn.reporting.trajectories import coordinates, grouping
from neurodyn.training.plan import Plan

OF_TASKS = {"task_outputs", "unit_activity", "errors_over_training", "recurrent_spectrum", "gradient_alignment"}
OF_TASKS |= {"similarity_over_training"}
"""Sections about networks trained on a task, which have tests of their own."""


def figures(page: str) -> list[dict]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page)]


def test_one_file_with_every_section(subject, make_subject, tmp_path):
    path = write([subject, make_subject("other", seed=1)], tmp_path / "new" / "report.html")
    page = path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["report.html"], "nothing is left beside it"
    assert path.stat().st_size < 8e6
    assert page.count("* plotly.js v") == 1, "plotly is inlined once"
    for section in SECTIONS:
        if section.name in OF_TASKS:
            continue
        assert f'id="{section.name}"' in page and f'href="#{section.name}"' in page
    assert not re.search(r'<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]*href="(?!data:)', page), "nothing is fetched"


def test_answers_are_shown_and_escaped(subject):
    page = render([subject])
    assert "Beside &lt;twins&gt;" in page and "<td>J_S &lt; 0.2</td>" in page and "None is found." in page


def test_names_must_differ(subject, tmp_path):
    with pytest.raises(InvalidInput, match="different name"):
        write([subject, subject], tmp_path / "report.html")
    with pytest.raises(InvalidInput, match="at least one"):
        write([], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_sections_without_their_data_are_left_out(make_subject):
    page = render([make_subject(full=False)])
    for absent in ("scores", "learning_curves", "conditions", "latents", "inputs", "behaviour", "reproduce"):
        assert f'id="{absent}"' not in page
    for present in ("diagnosis", "rasters", "rates", "calibration", "trajectories"):
        assert f'id="{present}"' in page


@pytest.mark.parametrize("kind", ["masked", "one unit, one trial", "fluorescence", "silent", "numeric conditions"])
def test_odd_data_are_drawn_without_a_warning(kind, recwarn):
    rng = np.random.default_rng(0)
    shape = (1, 12, 1) if kind == "one unit, one trial" else (9, 12, 5)
    counts = rng.poisson(0 if kind == "silent" else 0.5, shape)
    rates = rng.uniform(0.1, 1, shape).astype(np.float32)
    latents = rng.normal(size=(*shape[:2], 2)).astype(np.float32)
    mask = np.ones(shape[:2], bool)
    if kind == "masked":
        mask[0] = False
        mask[:, 9:] = False
        rates[~mask] = np.nan
        latents[~mask] = np.nan
    given = {"fluorescence": counts + 0.5} if kind == "fluorescence" else {"counts": counts}
    conditions = np.linspace(-1, 1, 9) if kind == "numeric conditions" else np.arange(shape[0]) % 2
    trials = Trials.from_arrays(**given, bin_s=0.05, mask=mask, conditions=conditions)
    page = render([Subject(kind, {"test": trials}, {"test": Inference(0.05, rates, latents)})])
    assert len(figures(page)) >= 2
    assert [str(w.message) for w in recwarn if issubclass(w.category, RuntimeWarning)] == []


def test_behaviour_without_a_sample_and_fluorescence_are_drawn_for_what_they_are():
    rng = np.random.default_rng(0)
    values = rng.normal(1, 1, (8, 12, 3))
    trials = Trials.from_arrays(
        fluorescence=values, bin_s=0.05, conditions=np.arange(8) % 2, behaviour=np.full((8, 12, 2), np.nan)
    )
    page = render([Subject("calcium", {"test": trials}, {"test": Inference(0.05, values.astype(np.float32))})])
    assert 'id="behaviour"' not in page and 'id="conditions"' in page
    assert "spikes/s" not in page.split('id="conditions"')[1].split("</section>")[0]


def test_long_windows_are_thinned():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.1, (12, 900, 160))
    trials = Trials.from_arrays(counts, bin_s=0.005)
    inference = Inference(0.005, rng.random(counts.shape, np.float32), rng.random((12, 900, 12), np.float32))
    page = render([Subject("large", {"test": trials}, {"test": inference})])
    assert len(page.encode()) < 6.3e6
    assert "most active of 160 units" in page


def test_picker_offers_several_trials_with_their_own_spikes(subject):
    picked = next(f for f in figures(render([subject])) if len(f["choices"]) > 1)
    rasters = [choice["update"][0]["z"] for choice in picked["choices"]]
    assert len(rasters) == 6 and rasters[0] != rasters[1]
    trial = int(re.match(r"test trial (\d+)", picked["choices"][3]["label"])[1]) - 1
    assert np.sum(rasters[3]) == subject.test.counts[trial].sum()


def test_decoded_behaviour_is_the_scores(subject):
    score = BehaviourR2().measure(Evaluation(subject.trials, subject.inferred)).value
    assert f"mean over channels {score:.3f}" in Behaviour().html(subject)


def test_calibration_of_right_rates():
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.1, 2, 40_000)
    said, seen, error = calibration(rates, rng.poisson(rates))
    assert np.all(np.diff(said) > 0)
    assert np.all(np.abs(seen - said) < 4 * error)


def test_principal_components_keep_the_variance(subject):
    paths, share = coordinates(subject)
    latents = subject.test_inference.latents.reshape(-1, 6)
    assert share.sum() == pytest.approx(1.0), "six latents that are mixtures of three"
    assert paths.reshape(-1, 3).var(0).sum() == pytest.approx(latents.var(0).sum(), rel=1e-4)


def test_trials_are_coloured_by_condition_then_behaviour_then_time(subject, make_subject):
    assert grouping(subject).names == ["down", "left", "right", "up"]
    test = subject.test
    bare = dataclasses.replace(test, table=test.table.drop(columns="condition"))
    assert len(grouping(dataclasses.replace(subject, trials={**subject.trials, "test": bare})).names) == 8
    assert len(grouping(make_subject(full=False)).names) == 1


def test_commands_name_what_differs_from_the_defaults(subject):
    text = commands(subject.config)
    first = text.splitlines()[0]
    assert first.startswith("neurodyn fit lfads 'two area.nwb'")
    assert "--data.bin_ms 20" in first and "--train.epochs 60" in first and "--seed 3" in first
    assert "--train.learning_rate" not in first


def test_commands_are_what_the_command_line_takes():
    from neurodyn.cli._options import made, parse
    from neurodyn.data.datasets.m1_stevenson import M1StevensonConfig
    from neurodyn.training.config import TrainConfig

    plan = Plan.of("lfads", {"causal": True}, objective="poisson", train={"tensorboard": True, "epochs": 7})
    options = {"behaviour": ["velocity", "position"], "min_rate_hz": 1.0}
    first = commands({**plan.as_mapping(), "data": {"source": "m1_stevenson", "options": options}}).splitlines()[0]
    words = shlex.split(first)
    assert words[:4] == ["neurodyn", "fit", "lfads", "m1_stevenson"]
    assert words[4:6] == ["--objective", "poisson"] and "--rule" not in words
    kind = made(
        "fit",
        {
            "model": (LFADSConfig, LFADSConfig()),
            "data": (M1StevensonConfig, M1StevensonConfig()),
            "train": (TrainConfig, TrainConfig(**LFADS.training_defaults)),
            "seed": (int, 5),
            "out": (str, ""),
        },
    )
    parsed = parse(kind, words[6:], "neurodyn fit")
    assert parsed.model == plan.model_config and parsed.train == plan.train and parsed.seed == 0
    assert parsed.data == M1StevensonConfig(behaviour=("velocity", "position"), min_rate_hz=1.0)


def test_commands_of_a_model_with_its_own_rule_leave_it_out():
    assert "--rule" not in commands(Plan.of("mean_rate").as_mapping())
