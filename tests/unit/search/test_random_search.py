"""Random search: the worse half stops early, the best is kept, models without epochs can be searched too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_search import Breaks, lineage_text, searched, some_trials

import neurodyn.api
from neurodyn.errors import InvalidInput
from neurodyn.training.run import Run


def test_random_search_stops_the_worse_half_and_keeps_the_best(tmp_path: Path) -> None:
    options: dict[str, Any] = {"algorithm": "random", "population": 6, "train": {"epochs": 9}}
    study = searched(tmp_path / "s", **options)
    lineage = study.lineage  # rungs after 2, 4 and 8 epochs
    assert [len(lineage.of(g)) for g in range(4)] == [6, 3, 2, 1]
    for g in range(3):
        rows = lineage.of(g)
        stopped = [row for row in rows if row.ended == "stopped early"]
        assert len(stopped) == len(rows) // 2
        assert max(row.score for row in stopped) <= min(row.score for row in rows if not row.ended)
    (end,) = lineage.of(3)
    assert end.ended == "epochs" and end.epoch == 9
    last = {row.member: row for row in lineage.rows}
    assert study.winner.best_score == max(row.best_score for row in last.values())
    assert Run.open(study.best).plan.train.schedule == "cosine"
    with pytest.raises(KeyboardInterrupt):
        searched(tmp_path / "t", engine=Breaks(8), **options)
    assert lineage_text(searched(tmp_path / "t", resume=True, **options)) == lineage_text(study)


def test_random_search_respects_the_burn_in_and_leaves_out_who_failed(tmp_path: Path) -> None:
    study = searched(
        tmp_path / "s",
        algorithm="random",
        early_stopping="none",
        space={"model.width": "choice(2, 6)", "model.fuse": "uniform(0.6, 0.9)"},
        train={"epochs": 3, "burn_in_epochs": 2},
    )
    rows = study.lineage.rows
    assert 0 < sum(row.failed for row in rows) < 5
    assert all(row.best_score == Run.open(study.folder(row.member)).history()[2]["valid/score"] for row in rows if not row.failed)  # fmt: skip
    assert not study.winner.failed


def test_a_model_solved_in_closed_form_can_be_searched_at_random(tmp_path: Path) -> None:
    study = neurodyn.search(
        "smoothing",
        some_trials(),
        out=tmp_path / "s",
        algorithm="random",
        population=3,
        space={"model.folds": "choice(3, 4, 5)"},
        engine="serial",
        progress=False,
    )
    assert {row.ended for row in study.lineage.rows} == {"solved"}
    with pytest.raises(InvalidInput, match="closed form"):
        neurodyn.search("smoothing", some_trials(), out=tmp_path / "t", space={"model.folds": "choice(3, 4, 5)"})  # fmt: skip
