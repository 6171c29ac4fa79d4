"""The recipes of PNBA: what each arm is trained on, what is expected of it, and one arm from data to its conclusion in small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import synthetic_motor_nwb
from aligned_subjects import FRAME, TINY
from neurodyn.data.sensorium.synthetic import SyntheticMouse, write_synthetic
from neurodyn.models.front_ends.index_convolution import IndexConvolutionConfig
from neurodyn.models.front_ends.unit_set import UnitSetConfig
from neurodyn.reproduction import study as studies
from neurodyn.reproduction.run import reproduce
from neurodyn.reproduction.study import Arm, Study
from neurodyn.training.run import Run


@pytest.fixture
def arms(monkeypatch: pytest.MonkeyPatch) -> dict[str, Arm]:
    monkeypatch.delenv("NEURODYN_RECIPES", raising=False)
    return {arm.path.removeprefix("pnba/"): arm for arm in Study.find("pnba").arms}


def test_every_tier_is_asked_with_the_front_end_that_must_succeed_or_fail(arms: dict[str, Arm]) -> None:
    found = {name.removeprefix("tiers/"): arm for name, arm in arms.items() if name.startswith("tiers/")}
    tiers = {name: arm.recipe.options["tier"] for name, arm in found.items()}
    assert tiers == {
        **dict.fromkeys(("t", "t_without_matching", "t_without_generation"), "T"),
        **dict.fromkeys(("tp", "tp_unit_set", "tp_unit_set_without_columns"), "TP"),
        "r": "R",
        "g": "G",
    }
    for name, arm in found.items():
        plan, front = arm.recipe.plan(), arm.recipe.plan().model_config.front_end
        assert arm.recipe.new_data and arm.recipe.evaluate.reported_only and not arm.recipe.quick.changes
        assert isinstance(front, UnitSetConfig if "unit_set" in name else IndexConvolutionConfig)
        if isinstance(front, UnitSetConfig):
            assert front.columns == (("x_um",) if name == "tp_unit_set" else ())
        weights = plan.objective_config
        assert (weights.match_scale == 0) == (name == "t_without_matching")
        assert (weights.neural_scale == weights.beside_scale == 0) == (name == "t_without_generation")
        assert [arm.recipe.drawn_for(seed).options["seed"] for seed in (0, 2)] == [0, 2]
        assert {"cross_subject_r_unpaired", "effective_dimension", "cross_subject_r_raw"} <= set(arm.published)
    t, tp = found["t"].published, found["tp"].published
    assert t["cross_subject_r"].value == 0.8 and t["cross_subject_r"].rows["shuffled_pairing"].compare == "at_most"
    assert {row: given.value for row, given in tp["cross_subject_r"].rows.items()} == {
        "calibrated_4": 0.7,
        "calibrated_64": 0.85,
    }


def test_each_session_and_each_monkey_is_held_out_in_turn(arms: dict[str, Arm]) -> None:
    recorded = [arm.recipe for name, arm in arms.items() if name.startswith("m1_centerout/")]
    held = [(r.options["heldout_session"], type(r.plan().model_config.front_end)) for r in recorded]
    assert len(held) == len(set(held)) == 6 and len({day for day, _ in held}) == 3
    assert all(r.options["sessions"] == "all" and r.options["heldout"] == 0 for r in recorded)
    monkeys = [arm for name, arm in arms.items() if name.startswith("monkey_000688/")]
    assert sorted(arm.recipe.options["heldout_monkey"] for arm in monkeys) == ["C", "J", "M"]
    mice = {name: arm for name, arm in arms.items() if name.startswith("sensorium2023/")}
    assert set(mice) == {"sensorium2023/default", "sensorium2023/release"}
    for arm in (*monkeys, *mice.values()):  # second-hand values are shown, and judge nothing
        assert arm.recipe.quick.skip
        given = [each for each in arm.published.values() if each.value is not None]
        assert given and all(each.setting is None and each.reason and each.source is not None for each in given)
    assert [arm.path for arm in Study.find("pnba").left_out(quick=True)] == [
        arm.path for arm in (*monkeys, *mice.values())
    ]


def test_an_arm_from_data_to_its_conclusion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = next(path.parent for name, path in studies.arm_files().items() if name == "pnba/tiers/t")
    below = tmp_path / "recipes" / "small" / "tiers"
    below.mkdir(parents=True)
    known = json.loads((shipped / "expected.json").read_text())
    names = ("cross_subject_r", "cross_subject_r_unpaired", "effective_dimension", "cross_subject_r_raw")
    known["arms"] = {"tp": {name: known["arms"]["tp"][name] for name in names}}
    (below / "expected.json").write_text(json.dumps(known))
    recipe = yaml.safe_load((shipped / "t.yaml").read_text())
    few = {"pairs": 1, "stimuli": 24, "valid": 8, "test": 8, "shared": 12, "calibration": 16}
    recipe["data"]["options"] = {"tier": "TP", **few}
    recipe["train"] = {"steps": 4, "batch_size": 8}
    (below / "tp.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    study, out = Study.find("small"), tmp_path / "out"
    scores = reproduce(study, out, seeds=2, workers=1)
    assert tuple(score.name for score in scores) == names
    headline = scores[0]
    assert headline.name == "cross_subject_r" and len(set(headline.context["values"])) == 2
    rows = ("untrained", "shuffled_pairing", "population_rate", "calibrated_4", "calibrated_16", "pca_cca")
    assert tuple(headline.baselines) == rows
    assert list(headline.context["rows"]) == ["calibrated_4"]  # there are too few trials for 64
    assert headline.context["conclusion"]["verdict"] == "does_not"
    controls = [out / "tiers/tp" / f"seed{seed}" / "baselines/shuffled_pairing" for seed in (0, 1)]
    first, second = (Run.open(folder) for folder in controls)  # every run has a control of its own
    assert first.config["seed"] == 0 and second.config["seed"] == 1
    assert first.config["data"]["train"] != second.config["data"]["train"]
    written = json.loads((out / "table.json").read_text())
    assert [each["verdict"] for each in written["conclusions"]] == ["does_not"]
    text, page = (out / "table.md").read_text(), (out / "report.html").read_text()
    for words in ("## Report cards", "tp does not carry over", "says nothing about quality"):
        assert words in text
    assert '<section id="cards">' in page and "says nothing about quality" in page
    assert '<section id="comparison">' not in page
    before = {folder: (folder / "best.safetensors").stat().st_mtime_ns for folder in controls}
    again = reproduce(study, out, seeds=2, workers=1)
    assert [score.value for score in again] == [score.value for score in scores]
    assert before == {folder: (folder / "best.safetensors").stat().st_mtime_ns for folder in controls}


@pytest.mark.slow
def test_the_mice_from_folders_to_report_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both arms as shipped, but for sizes and length, on invented mice: the held-out pair alone has trials to score."""
    pairs = [("29228-2-10", 40), ("29755-2-8", 55)], [("29515-10-12", 45), ("29513-3-5", 50)]
    write_synthetic(
        tmp_path / "mice", [[SyntheticMouse(name, units) for name, units in pair] for pair in pairs], frames=60
    )
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    shipped = studies.arm_files()["pnba/sensorium2023/default"].parent
    below = tmp_path / "recipes" / "small" / "mice"
    below.mkdir(parents=True)
    (below / "expected.json").write_text((shipped / "expected.json").read_text())
    for name in ("default", "release"):
        recipe = yaml.safe_load((shipped / f"{name}.yaml").read_text())
        recipe["data"].setdefault("options", {}).update(folder=str(tmp_path / "mice"), frame=list(FRAME))
        recipe["train"] |= {"steps": 2, "batch_size": 4}
        recipe["quick"] = {}
        if name == "release":
            recipe["model_config"]["published"] = json.loads(json.dumps(TINY))
        (below / f"{name}.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    scores = reproduce(Study.find("small"), tmp_path / "out", seeds=1, workers=1)
    found = {(score.context["arm"].rpartition("/")[2], score.name): score for score in scores}
    for arm in ("default", "release"):
        raw = found[arm, "cross_subject_r_raw"]
        assert (raw.published, raw.passed) == (0.892, None) and "notes of other hands" in raw.context["not_comparable"]
        assert raw.context["warning"]
        headline = found[arm, "cross_subject_r"]
        assert {"untrained", "shuffled_pairing", "population_rate", "pca_cca"} <= set(headline.baselines)
        assert sorted(name[:5] for name in headline.context["subjects"]) == ["29228", "29755"]
    assert "calibrated_4" in found["default", "cross_subject_r"].baselines
    assert "calibrated_4" not in found["release", "cross_subject_r"].baselines  # the published network has none


@pytest.mark.slow
def test_the_monkeys_from_files_to_a_report_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    for seed, (monkey, day) in enumerate((("C", "20160914"), ("M", "20140303"), ("J", "20160405"))):
        synthetic_motor_nwb.write(synthetic_motor_nwb.made(seed, monkey, day, trials=48), tmp_path / "data" / "000688")
    shipped = studies.arm_files()["pnba/monkey_000688/heldout_c"].parent
    below = tmp_path / "recipes" / "small" / "monkeys"
    below.mkdir(parents=True)
    known = json.loads((shipped / "expected.json").read_text())
    known["arms"] = {"heldout_c": known["arms"]["heldout_c"]}
    (below / "expected.json").write_text(json.dumps(known))
    recipe = yaml.safe_load((shipped / "heldout_c.yaml").read_text())
    (below / "heldout_c.yaml").write_text(yaml.safe_dump({**recipe, "train": {"steps": 2, "batch_size": 8}}))
    monkeypatch.setenv("NEURODYN_RECIPES", str(tmp_path / "recipes"))
    scores = reproduce(Study.find("small"), tmp_path / "out", quick=False, seeds=1, workers=1)
    found = {score.name: score for score in scores}
    assert set(found) == set(known["arms"]["heldout_c"])
    assert found["cross_subject_r_raw"].published == 0.939 and found["cross_subject_r_raw"].passed is None
    assert found["cross_subject_r"].context["subjects"] == ["C_20160914"]
    assert {"untrained", "shuffled_pairing", "calibrated_16"} <= set(found["cross_subject_r"].baselines)
    assert "within_session" in found["zero_shot_target_accuracy"].baselines
