"""The page about a study on simulated data: inputs of the best, the median and the worst run, and the dynamics of a model with known inputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_study
import yaml

from neurodyn import api
from neurodyn.analysis.fixed_points import KEPT
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Study

SIZES: dict[str, Any] = {"trials": 40, "units": 8, "heldout": 0, "forward": 0}
MODEL: dict[str, Any] = {"generator": 3, "factors": 0, "initial_condition": 4, "initial_condition_encoder": 4}


def arm(variant: str, **config: Any) -> dict[str, Any]:
    return {
        "model": "lfads",
        "data": {"source": "two_area", "options": {**SIZES, "variant": variant}},
        "model_config": {**MODEL, **config},
        "train": {"epochs": 1, "warmup_epochs": 0},
    }


@pytest.mark.slow
def test_inputs_and_dynamics_are_shown_where_they_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "recipes" / "circuit"
    below.mkdir(parents=True)
    arms = {
        "inferred": arm("rec", inferred_inputs=2, input_encoder=4, controller=4),
        "known": arm("ext", inferred_inputs=0, known_inputs=True),
    }
    for name, recipe in arms.items():
        (below / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    scores = {
        "inferred": dict.fromkeys(("published_input_r2_forward", "input_r2_forward"), tiny_study.NOTHING),
        "known": dict.fromkeys(("latent_r2_forward",), tiny_study.NOTHING),
    }
    expected = {"statistic": "median", "sources": {}, "settings": {}, "arms": scores}
    (below / "expected.json").write_text(json.dumps(expected))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    out = tmp_path / "out"
    found = {score.name: score for score in reproduce(Study.find("circuit"), out, seeds=3, workers=1)}

    values = found["input_r2_forward"].context["values"]
    assert found["input_r2_forward"].value == np.median(values)
    assert found["input_r2_forward"].context["quartiles"] == np.quantile(values, [0.25, 0.75]).tolist()
    html = (out / "report.html").read_text()
    titles = re.findall(r"(best|median|worst): seed (\d), input_r2_forward = ([-\d.]+)", html)
    ranked = np.argsort(values)[::-1]
    assert titles == [(which, str(s), f"{values[s]:.3f}") for which, s in zip(("best", "median", "worst"), ranked)]
    shown = re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    inputs = next(json.loads(text) for text in shown if "median: seed" in text)
    true = np.array(next(t["y"] for t in inputs["data"] if t["name"] == "true, channel 1"), float)
    trials = api.load("two_area", **SIZES)
    assert not isinstance(trials, list)
    first = trials.test.truth["inputs"][0, :, 0]
    np.testing.assert_allclose(true[: len(first)], first, atol=2e-3 * np.ptp(first))

    analysed = [seed for seed in range(3) if (out / "known" / f"seed{seed}" / KEPT).exists()]
    forward = found["latent_r2_forward"].context["values"]
    assert analysed == [int(np.argsort(forward)[1])] and f"circuit/known, seed {analysed[0]}" in html
