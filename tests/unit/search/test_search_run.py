"""What a search refuses, and how it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_search import MODEL, Toy, lineage_text, searched, some_trials

import neurodyn.api
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.search.member import Leg, keep, train
from neurodyn.search.study import Study
from neurodyn.training.partition import partition
from neurodyn.training.run import Run


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"space": {"model.width": "uniform(2, 9)"}}, "--algorithm random"),
        ({"space": {"model.widht": "uniform(2, 9)"}}, "width"),
        ({"space": None}, "--vary"),
        ({"space": {}}, "mapping"),
        ({"population": 1}, "search.population"),
        ({"algorithm": "populaton"}, "'population'"),
        ({"train": {"batch_size": 1000}}, "batch_size"),
        ({"engine": "serial", "workers": 2}, "local"),
        ({"generations": 0}, "search.generations"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    with pytest.raises((InvalidInput, UnknownName)) as refused:
        searched(tmp_path / "s", **options)
    assert named in str(refused.value)
    assert not (tmp_path / "s").exists()


def test_a_scale_of_a_posterior_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    def tried(**options: Any) -> None:
        neurodyn.search("lfads", some_trials(), out=tmp_path / "s", generator=4, factors=2, progress=False, **options)

    with pytest.raises(UnknownName, match="Did you mean 'inputs'"):
        tried(space={"objective.kl_scales.inptus": "uniform(0, 1)"})
    with pytest.raises(InvalidInput, match="unseen_bps"):
        tried(train={"select": "loss"})


def test_another_search_is_not_mixed_in(tmp_path: Path, whole: Study) -> None:
    with pytest.raises(InvalidInput, match="--resume"):
        searched(whole.path)
    for options, named in (
        ({"seed": 9}, "plan.seed"),
        ({"population": 4}, "search.population"),
        ({"space": {"model.dropout": "uniform(0, 0.5)"}}, "space"),
    ):
        with pytest.raises(InvalidInput, match=named):
            searched(whole.path, resume=True, **options)
    (tmp_path / "letter.txt").write_text("kept")
    with pytest.raises(InvalidInput, match="not empty"):
        searched(tmp_path, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(InvalidInput, match=r"search\.yaml"):
        Study.open(tmp_path)


def test_a_search_may_go_on_for_longer(tmp_path: Path, whole: Study) -> None:
    searched(tmp_path / "s", generations=1)
    assert lineage_text(searched(tmp_path / "s", generations=2, resume=True)) == lineage_text(whole)


def test_a_leg_done_twice_is_the_same(tmp_path: Path, whole: Study) -> None:
    keep(partition(some_trials(), None, 0), tmp_path)
    before = Run.open(whole.folder(1)).history()
    arrived = train(Leg(whole.folder(1), tmp_path, 6))
    assert arrived.epoch == 6 and arrived.stopped == "paused" and Run.open(whole.folder(1)).history() == before
    assert arrived.score == whole.lineage.of(2)[1].score


def test_the_package_is_the_verb() -> None:
    assert callable(neurodyn.search) and "search" in neurodyn.__all__
    assert Toy.__module__ == MODEL.partition(":")[0]
