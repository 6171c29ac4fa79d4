"""The recipes of LangevinFlow: the published settings, and every data set from recordings to a submission file, on synthetic ones of its structure."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

import synthetic_nwb
from neurodyn import config as configs
from neurodyn.cli import main
from neurodyn.data.transforms.coordinated_dropout import CoordinatedDropout
from neurodyn.objectives.elbo import ramp
from neurodyn.reproduction import study as studies
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Study
from neurodyn.submission.layout import read
from neurodyn.training.run import Run
from neurodyn.training.schedule import weight_decay

PUBLISHED = {  # trials a batch, learning rate, weight decay, damping, share kept, epochs, bits per spike
    "mc_maze": (256, 3e-3, 2e-5, 0.55, 0.5, 2000, 0.3650),
    "mc_rtt": (64, 3e-3, 2e-5, 0.55, 0.3, 6000, 0.190),
    "area2_bump": (32, 3e-3, 2e-5, 0.55, 0.4, 2000, 0.277),
    "dmfc_rsg": (64, 1e-3, 1e-5, 0.7, 0.6, 1000, 0.184),
}
BINS = {"mc_maze": (35, 10), "mc_rtt": (30, 10), "area2_bump": (30, 10), "dmfc_rsg": (75, 10)}
"""Observed and forward."""


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_the_recipe_is_as_published(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    arms = {arm.path.rpartition("/")[2]: arm for arm in Study.find(f"langevin_flow/{dataset}").arms}
    assert set(arms) == {"default", "release"}
    for arm in arms.values():
        assert arm.recipe.model == "langevin_flow" and arm.recipe.source == dataset
        assert arm.recipe.options == {"bin_s": 0.02}
        found = arm.published["co_bps"]
        assert found.value == PUBLISHED[dataset][-1] and found.setting is not None and found.source is not None
        assert (found.setting.data, found.setting.bin_ms, found.setting.phase) == (dataset, 20, "test")
        assert all(value.reason for name, value in arm.published.items() if name != "co_bps")
    assert arms["default"].recipe.plan().model_config.mode == "default"
    plan = arms["release"].recipe.plan()
    model, train, objective = plan.model_config, plan.train, plan.objective_config
    batch, rate, decay, damping, keep, epochs, _ = PUBLISHED[dataset]
    assert (model.mode, model.size, model.coordinated_dropout) == ("release", 280, pytest.approx(1 - keep))
    published = {"damping": damping, "step": 0.01, "dropout": 0.05, "heads": 2, "feedforward": 512, "kernel_init": "zero"}  # fmt: skip
    assert configs.to_dict(model.published) == published
    assert (train.batch_size, train.learning_rate, train.weight_decay, train.epochs) == (batch, rate, decay, epochs)
    assert train.optimizer == "adam" and train.warmup_epochs == train.average_decay == 0
    assert (train.schedule, train.plateau_epochs, train.plateau_floor) == ("plateau", 11, 1e-5)
    assert math.isinf(train.gradient_clip) and train.patience >= train.epochs
    assert (objective.kl_scale, objective.kl_unit, objective.reduce, objective.loss_scale) == (0.1, "entry", "mean", 1)
    for epoch in (0, 1, 250, 500, 900):
        rise = min(epoch / 500, 1)
        assert ramp(epoch, objective.kl_start_epoch, objective.kl_increase_epochs) == pytest.approx(rise)
        assert weight_decay(train, epoch) == pytest.approx(rise * decay)


@pytest.mark.parametrize("dataset", [pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED])
def test_from_recordings_to_a_submission_file(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    synthetic_nwb.write_dataset(tmp_path / "data", dataset)
    shipped = next(path.parent for name, path in studies.arm_files().items() if name == f"langevin_flow/{dataset}/release")  # fmt: skip
    below = tmp_path / "recipes" / "langevin_flow" / dataset
    below.mkdir(parents=True)
    (below / "expected.json").write_text((shipped / "expected.json").read_text())
    for name in ("default", "release"):  # as shipped, but for sizes and length
        recipe = yaml.safe_load((shipped / f"{name}.yaml").read_text())
        recipe["quick"] = {"model_config": {"size": 8}, "train": {"epochs": 12, "batch_size": 4, "learning_rate": 0.02}}
        (below / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    scores = reproduce(Study.find(f"langevin_flow/{dataset}"), tmp_path / "out", seeds=1, workers=1)
    found = {(score.context["arm"].rpartition("/")[2], score.name): score for score in scores}
    size = synthetic_nwb.KINDS[dataset].small
    for arm in ("default", "release"):
        co_bps = found[arm, "co_bps"]
        assert co_bps.published == PUBLISHED[dataset][-1] and co_bps.passed is None
        assert "phase val here, test published" in co_bps.context["not_comparable"]
        folder = tmp_path / "out" / arm / "seed0"
        history = Run.open(folder).history()
        assert len(history) == 12 and {"train/kl_position", "train/kl_velocity", "train/kl_path"} <= set(history[-1])
        assert main(["submit", str(folder), "-o", f"{arm}.h5", "--samples", "2"]) == 0
        assert main(["submit", "--check", f"{arm}.h5", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["passed"]
        ((name, arrays),) = read(f"{arm}.h5").groups.items()
        assert name == f"{dataset}_20"
        observed, forward = BINS[dataset]
        shapes = {key: arrays[key].shape[1:] for key in ("eval_rates_heldout", "eval_rates_heldin_forward")}
        assert shapes == {
            "eval_rates_heldout": (observed, size.heldout),
            "eval_rates_heldin_forward": (forward, size.heldin),
        }
    (hide,) = Run.open(tmp_path / "out" / "release" / "seed0").model().transforms()
    assert isinstance(hide, CoordinatedDropout)
    assert [hide.config.rate, hide.config.pass_rate] == pytest.approx([1 - PUBLISHED[dataset][4]] * 2)
