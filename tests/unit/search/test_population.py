"""Population-based training of a model that trains in no time: copies take effect, failures are survived, interruptions leave no trace."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_search import SPACE, Breaks, lineage_text, searched, some_trials

import neurodyn.api
from neurodyn.data.trials import Trials
from neurodyn.engines.local import Local
from neurodyn.search.study import Study
from neurodyn.search.team import MembersFailed
from neurodyn.training.run import Run


def test_losers_go_on_from_the_winner_with_rates_that_take_effect(whole: Study) -> None:
    lineage = whole.lineage
    assert [len(lineage.of(g)) for g in range(4)] == [5, 5, 5, 0]
    assert len({Run.open(whole.folder(m)).plan.seed for m in range(5)}) == 5
    swapped = [row for row in lineage.of(2) if row.event == "exploit"]
    assert len(swapped) == 2
    for row in swapped:
        parent = {r.member: r for r in lineage.of(1)}[row.parent or 0]
        run, theirs = Run.open(whole.folder(row.member)), Run.open(whole.folder(parent.member))
        mine = run.history()
        assert [r["epoch"] for r in mine] == list(range(6))  # the parent's epochs, then its own
        assert mine[:4] == theirs.history()[:4] and mine[4:] != theirs.history()[4:]
        before, after = mine[3]["learning_rate"], mine[4]["learning_rate"]
        assert before == parent.values["train.learning_rate"]
        assert after == row.values["train.learning_rate"] == run.checkpoint()["optimizer_states"][0]["param_groups"][0]["lr"]  # fmt: skip
        assert 0 < abs(after / before - 1) <= 0.3
        assert run.plan.train.learning_rate == after and run.plan.train.schedule == "constant"
        assert run.plan.model_config.dropout == row.values["model.dropout"]
        assert run.model().dropout.p == row.values["model.dropout"]  # what the network drops with


def test_a_copy_has_the_winners_weights_moments_and_epoch(tmp_path: Path, whole: Study) -> None:
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "s", engine=Breaks(6))  # all are placed for generation 1, and member 0 has trained in it
    row = next(row for row in whole.lineage.of(1) if row.event == "exploit" and 0 not in (row.member, row.parent))
    mine, theirs = (Run.open(Study(tmp_path / "s").folder(m or 0)).checkpoint() for m in (row.member, row.parent))
    assert mine["neurodyn"]["epoch"] == theirs["neurodyn"]["epoch"] == 2
    assert all(torch.equal(mine["state_dict"][name], tensor) for name, tensor in theirs["state_dict"].items())
    state, given = (each["optimizer_states"][0]["state"] for each in (mine, theirs))
    for index, moments in given.items():
        assert moments["step"] == 2 * 2  # 2 epochs of 2 batches
        assert all(torch.equal(state[index][name], tensor) for name, tensor in moments.items())
    assert any(float(moments["exp_avg"].abs().sum()) > 0 for moments in state.values())


def test_weight_decay_is_the_members_own_after_a_copy(tmp_path: Path) -> None:
    study = searched(tmp_path / "s", generations=1, space={"train.weight_decay": "uniform(0.01, 0.5)"})
    for row in study.lineage.of(1):
        group = Run.open(study.folder(row.member)).checkpoint()["optimizer_states"][0]["param_groups"][0]
        assert group["weight_decay"] == row.values["train.weight_decay"]


@pytest.mark.parametrize("stops", [[5], [7], [2, 6, 3]])
def test_an_interrupted_search_resumes_to_the_same_end(tmp_path: Path, whole: Study, stops: list[int]) -> None:
    for place, tasks in enumerate(stops):
        with pytest.raises(KeyboardInterrupt):
            searched(tmp_path / "s", engine=Breaks(tasks), resume=place > 0)
        assert not (tmp_path / "s" / "best").exists()
    resumed = searched(tmp_path / "s", resume=True)
    assert lineage_text(resumed) == lineage_text(whole)
    ours, theirs = (load_file(study.best / "best.safetensors") for study in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    again = searched(tmp_path / "s", resume=True, engine=Breaks(1))  # nothing is left to do
    assert lineage_text(again) == lineage_text(whole)


@pytest.mark.slow
def test_a_killed_search_resumes_to_the_same_end(tmp_path: Path, whole: Study) -> None:
    command = [sys.executable, str(Path(__file__).with_name("tiny_search.py")), str(tmp_path / "s")]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)}) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / "s" / "lineage.jsonl").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.5)  # within generation 1
        process.kill()
    time.sleep(1.0)  # its workers notice
    assert Study(tmp_path / "s").lineage.generations < 3
    resumed = searched(tmp_path / "s", resume=True, engine="local", workers=2, pause_s=0.1)
    assert lineage_text(resumed) == lineage_text(whole)
    assert not list(resumed.path.glob(".data-*"))


def _check_replacements(study: Study) -> str:
    """Whether everyone who failed first became a copy of one who did not; what they failed of."""
    first = study.lineage.of(0)
    failed = [row for row in first if row.failed]
    assert 0 < len(failed) < len(first)
    replaced = [row for row in study.lineage.of(1) if row.event == "replace"]
    assert [row.member for row in replaced] == [row.member for row in failed]
    fuses = {row.member: row.values["model.fuse"] for row in first if not row.failed}
    assert all(0 < abs(row.values["model.fuse"] / fuses[row.parent or 0] - 1) <= 0.3 for row in replaced)
    told = "".join((study.folder(row.member) / "failure.txt").read_text() for row in failed)
    assert not study.winner.failed
    return told


def test_a_member_whose_loss_is_not_finite_is_replaced(tmp_path: Path) -> None:
    space = {**SPACE, "model.fuse": "uniform(0.6, 0.9)"}
    told = _check_replacements(searched(tmp_path / "s", space=space, generations=1))
    assert "training loss" in told and "Traceback" in told


@pytest.mark.slow
def test_a_member_whose_process_dies_is_replaced(tmp_path: Path) -> None:
    space = {**SPACE, "model.fuse": "uniform(0.55, 1)"}
    with Local(1) as engine:
        assert "SIGKILL" in _check_replacements(
            searched(tmp_path / "s", engine=engine, space=space, generations=1, seed=7)
        )


def test_a_search_in_which_all_fail_ends_with_the_first_traceback_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MembersFailed, match="all 3 members failed") as failure:
        searched(tmp_path / "s", population=3, fuse=0.85)
    assert "Traceback" in str(failure.value) and "training loss" in str(failure.value)
    assert not (tmp_path / "s").exists()


def test_the_best_run_is_a_run_like_any_other(whole: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    lineage = whole.lineage
    last = {row.member: row.score for row in lineage.of(2)}
    assert whole.winner.member == max(last, key=lambda member: last[member])
    run = Run.open(whole.best)
    assert run.plan.seed == 2 + whole.winner.member > 2  # not the search's seed, which drew the split
    assert {path.name for path in whole.best.iterdir()} == {path.name for path in whole.folder(0).iterdir()} - {"member.json"}  # fmt: skip
    best = max(row["valid/score"] for row in run.history())
    fitted = neurodyn.Estimator.load(whole.best)
    assert fitted.fitted_.best_score == best == whole.winner.best_score
    trials = some_trials()
    assert fitted.transform(trials).rates.shape == (40, 6, 6)  # type: ignore[union-attr]
    monkeypatch.setattr("neurodyn.assessment._reloaded", lambda record: [trials])  # raises where the split differs
    scores = neurodyn.evaluate(fitted, trials=_with_test(trials), baselines=False, samples=0)
    assert any(score.name == "co_bps" for score in scores)
    told = whole.schedule
    assert told[0].first_epoch == 0 and told[-1].last_epoch == 6 and told[-1].values == whole.winner.values
    assert all(a.last_epoch == b.first_epoch for a, b in zip(told, told[1:]))


def _with_test(trials: Trials) -> Any:
    """A test split of trials nobody trained on."""
    fresh = some_trials(60).select(range(40, 60))
    return dataclasses.replace(fresh, table=fresh.table.assign(split="test"))
