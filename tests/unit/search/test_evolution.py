"""Tournaments, exploration and the stopping rule, on scores that are made up."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from neurodyn.search.config import SearchConfig
from neurodyn.search.evolution import converged, exchanged
from neurodyn.search.lineage import Lineage, Row, schedule_of
from neurodyn.search.space import Space
from neurodyn.search.spaces import SPACES
from neurodyn.training.plan import Plan

SPACE = Space.of(SPACES["lfads"]).checked(Plan.of("lfads"))


def _rows(members: int, failed: tuple[int, ...] = (), space: Space = SPACE) -> list[Row]:
    found = []
    for member in range(members):
        values = space.drawn(np.random.default_rng(member))
        score = math.nan if member in failed else float((member * 7) % members)
        ended = "failed: bad" if member in failed else ""
        found.append(Row(member, None, values, "start", 0, None if ended else 105, score, score, ended))
    return found


def test_a_generation_of_twenty_has_ten_exchanges_and_leaves_winners_alone() -> None:
    rows = _rows(20)
    births = exchanged(rows, SPACE, np.random.default_rng(0))
    assert [birth.member for birth in births] == list(range(20))
    losers = [birth for birth in births if birth.event == "exploit"]
    winners = [birth for birth in births if birth.event == "continue"]
    assert len(losers) == len(winners) == 10
    assert sorted(birth.parent for birth in losers) == [birth.member for birth in winners]  # each beat one
    for birth in winners:
        assert birth.parent == birth.member and birth.values == rows[birth.member].values
    steps: dict[str, list[float]] = {dimension.name: [] for dimension in SPACE}
    for birth in losers:
        assert rows[birth.parent].score > rows[birth.member].score
        for dimension in SPACE:
            winner, loser = rows[birth.parent].values[dimension.name], birth.values[dimension.name]
            u = loser / winner - 1
            assert 0.002 * dimension.explore * (1 - 1e-9) <= abs(u) <= dimension.explore
            if dimension.bounded:
                assert dimension.values[0] <= loser <= dimension.values[1]
            steps[dimension.name].append(u)
    assert all(min(each) < 0 < max(each) for name, each in steps.items() if name.startswith("objective"))
    assert exchanged(rows, SPACE, np.random.default_rng(0)) == births
    assert exchanged(rows, SPACE, np.random.default_rng(1)) != births


def test_an_odd_member_sits_out() -> None:
    births = exchanged(_rows(5), SPACE, np.random.default_rng(0))
    assert [birth.event for birth in births].count("exploit") == 2


def test_who_failed_becomes_a_copy_of_a_winner() -> None:
    rows = _rows(8, failed=(2, 5))
    births = exchanged(rows, SPACE, np.random.default_rng(0))
    assert [birth.member for birth in births if birth.event == "replace"] == [2, 5]
    assert [birth.event for birth in births].count("exploit") == 3
    going_on = {birth.member for birth in births if birth.event == "continue"}
    for birth in births:
        assert birth.parent in going_on
        if birth.event == "replace":
            assert all(birth.values[name] != value for name, value in rows[birth.parent].values.items())
    lonely = exchanged(_rows(3, failed=(0, 2)), SPACE, np.random.default_rng(0))
    assert [(birth.parent, birth.event) for birth in lonely] == [(1, "replace"), (1, "continue"), (1, "replace")]


@pytest.mark.parametrize(
    ("best", "stops"),
    [
        ([1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 0.99, 0.98, 0.97], False),
        ([1.0, 1.0, 1.0], False),
        ([5.0, 1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 1.0, 1.0, 0.9996], True),
        ([1.0, 1.0, 1.0, 0.9994], False),
        ([1.0, 1.1, 1.2, 1.3], True),
    ],
)
def test_the_search_stops_when_losses_no_longer_fall(best: list[float], stops: bool) -> None:
    assert converged([-loss for loss in best]) is stops


def test_generations_end_where_they_are_said_to() -> None:
    from neurodyn.objectives.elbo import ELBOConfig
    from neurodyn.objectives.poisson import PoissonConfig

    config = SearchConfig().resolved(ELBOConfig())
    assert config.burn_in_epochs == 80 + 25
    assert [config.milestone(g) for g in range(3)] == [105, 130, 155]
    assert config.milestone(config.generations or 0) == 980
    assert SearchConfig(burn_in_epochs=10).resolved(ELBOConfig(l2_start_epoch=50)).milestone(0) == 10
    assert SearchConfig().resolved(ELBOConfig(l2_start_epoch=50)).burn_in_epochs == 155
    assert SearchConfig().resolved(PoissonConfig()).burn_in_epochs == 25
    assert config.rungs(1000) == [105, 210, 420, 840, None]
    assert config.rungs(105) == [None]
    assert SearchConfig(early_stopping="none").resolved(ELBOConfig()).rungs(1000) == [None]


def test_a_schedule_is_followed_back_through_the_parents(tmp_path: Path) -> None:
    lineage = Lineage(tmp_path)
    table = [  # generation: (member, parent, value)
        [(0, None, 1.0), (1, None, 2.0), (2, None, 3.0)],
        [(0, 0, 1.0), (1, 2, 3.5), (2, 2, 3.0)],
        [(0, 1, 3.7), (1, 1, 3.5), (2, 2, 3.0)],
    ]
    for g, rows in enumerate(table):
        begun = ["start"] * 3 if g == 0 else ["continue" if m == p else "exploit" for m, p, _ in rows]
        made = [
            Row(m, p, {"model.a": v}, e, g, 10 * (g + 1), 0.1 * m, math.nan)  # type: ignore[arg-type]
            for (m, p, v), e in zip(rows, begun)
        ]
        lineage = lineage.added(made)
    assert str(Lineage.read(tmp_path)) == str(lineage)  # NaN differs from itself
    assert lineage.generations == 3 and lineage.best_scores == pytest.approx([0.2] * 3)
    told = [(s.first_epoch, s.last_epoch, s.member, s.values["model.a"]) for s in schedule_of(lineage, 0)]
    assert told == [(0, 10, 2, 3.0), (10, 20, 1, 3.5), (20, 30, 0, 3.7)]
    assert [(s.first_epoch, s.last_epoch) for s in schedule_of(lineage, 2)] == [(0, 30)]
    assert (tmp_path / "lineage.csv").read_text().splitlines()[0].endswith("ended,model.a")
