"""The runs of an arm as one score: means, spread, intervals, and the published value only where settings agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurodyn.metrics.base import Score
from neurodyn.reproduction import table
from neurodyn.reproduction.claims import with_claims
from neurodyn.reproduction.collect import collected
from neurodyn.reproduction.expected import Published, Source
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.setting import Setting
from neurodyn.reproduction.study import Arm

OURS = Setting(data="maze", bin_ms=5.0, phase="val")
THEIRS = Published(value=0.3, tolerance=0.011, source=Source("A paper", "https://doi.org/x", "Beware."), setting=OURS)


def arm(**published: Published) -> Arm:
    return Arm("maze/lfads", Recipe("lfads", {"source": "maze"}), published)


def score(value: float, interval: tuple[float, float], name: str = "co_bps", **context: Any) -> Score:
    return Score(
        name=name,
        definition="bits",
        value=value,
        interval=interval,
        n=20,
        direction="higher",
        baselines={"mean_rate": 0.0, "untrained": value / 10},
        difference={"mean_rate": (value, *interval), "untrained": (0.9 * value, interval[0], interval[1])},
        context={"interval": "95 % bootstrap", "session": "one", **context},
    )


RUNS = [
    [score(0.28, (0.2, 0.31), seed=0, model="lfads", detail=1), score(0.5, (0.4, 0.6), "fp_bps")],
    [score(0.32, (0.25, 0.4), seed=1, model="lfads", detail=2), score(0.7, (0.5, 0.8), "fp_bps")],
]


def test_seeds_become_a_mean_with_its_spread() -> None:
    (found,) = collected(arm(co_bps=THEIRS), [0, 1], RUNS, OURS, [])
    assert found.value == pytest.approx(0.30) and found.interval == (0.2, 0.4)
    assert found.context["sd"] == pytest.approx(np.std([0.28, 0.32], ddof=1))
    assert found.context["values"] == [0.28, 0.32] and found.context["seeds"] == [0, 1]
    assert found.context["runs"] == "2 seeds" and found.context["arm"] == "maze/lfads"
    assert found.baselines == {"mean_rate": 0.0, "untrained": pytest.approx(0.03)}
    assert found.difference["untrained"] == (pytest.approx(0.27), 0.2, 0.4)
    assert found.context["model"] == "lfads" and not {"detail", "seed"} & set(found.context)  # what is not of all runs
    assert found.published == 0.3 and found.passed is True and found.context["not_comparable"] is None


def test_seeds_become_a_median_with_quartiles_where_the_study_says_so() -> None:
    published = dataclasses.replace(THEIRS, quartiles=(0.28, 0.31), best=0.35)
    runs = [[score(value, (0.2, 0.4))] for value in (0.1, 0.32, 0.3)]
    (found,) = collected(dataclasses.replace(arm(co_bps=published), statistic="median"), [0, 1, 2], runs, OURS, [])
    assert found.value == pytest.approx(0.3) and found.passed is True  # the mean, 0.24, would fail
    assert found.baselines["untrained"] == pytest.approx(0.03) and found.difference["untrained"][0] == pytest.approx(
        0.27
    )
    assert found.context["quartiles"] == pytest.approx([0.2, 0.31]) and found.context["best"] == 0.32
    assert found.context["statistic"] == "median" and found.context["values"] == [0.1, 0.32, 0.3]
    cells = table.row(found)
    assert cells[2] == "0.3000 (0.2000 to 0.3100; best 0.3200) [0.2000, 0.4000]"
    assert cells[3] == "0.3000 (0.2800 to 0.3100; best 0.3500)"
    assert table.short_row(found) == ("co_bps", cells[2], "0.3000", "passed", "untrained 0.030")


def test_one_run_in_closed_form_has_no_spread_and_says_why() -> None:
    (found,) = collected(arm(co_bps=THEIRS), [0], RUNS[:1], OURS, [], once=True)
    assert found.context["sd"] is None and "closed form" in found.context["runs"]
    assert found.interval == (0.2, 0.31) and found.passed is False  # 0.28, published 0.3


def test_a_published_value_in_another_setting_is_shown_and_not_judged() -> None:
    elsewhere = dataclasses.replace(THEIRS, setting=dataclasses.replace(OURS, phase="test"))
    (found,) = collected(arm(co_bps=elsewhere), [0, 1], RUNS, OURS, [])
    assert found.published == 0.3 and found.passed is None
    assert found.context["not_comparable"] == "phase val here, test published"
    assert table.verdict(found) == "not comparable: phase val here, test published"


def test_what_quick_changes_is_not_judged() -> None:
    (found,) = collected(arm(co_bps=THEIRS), [0, 1], RUNS, OURS, ["train.epochs"])
    assert found.published == 0.3 and found.passed is None
    assert found.context["not_comparable"] == "--quick changes train.epochs" and found.context["quick"] == [
        "train.epochs"
    ]


def test_what_was_not_published_says_why() -> None:
    scores = collected(arm(fp_bps=Published(reason="not reported"), co_bps=THEIRS), [0, 1], RUNS, OURS, [])
    assert [s.name for s in scores] == ["fp_bps", "co_bps"]  # in the order of expected.json
    assert scores[0].published is None and scores[0].passed is None
    assert table.verdict(scores[0]) == "no published value: not reported"


def test_a_score_these_trials_do_not_have_is_left_out() -> None:
    assert collected(arm(psth_r2=THEIRS), [0, 1], RUNS, OURS, []) == []


def test_sessions_are_kept_apart() -> None:
    runs = [[score(0.1, (0.0, 0.2)), dataclasses.replace(score(0.5, (0.4, 0.6)), context={"session": "two"})]]
    assert [s.value for s in collected(arm(co_bps=THEIRS), [0], runs, OURS, [])] == [0.1, 0.5]


def test_the_table_has_every_score_with_source_and_baselines(tmp_path: Path) -> None:
    scores = collected(arm(co_bps=THEIRS, fp_bps=Published(reason="not reported")), [0, 1], RUNS, OURS, [])
    table.write(tmp_path / "study", "maze", scores)
    text = (tmp_path / "study" / "table.md").read_text()
    assert (
        "| maze/lfads (2 seeds) | co_bps | 0.3000 ± 0.0283 [0.2000, 0.4000] | 0.3000 | passed (within 0.011) |" in text
    )
    assert "mean_rate 0.000" in text and "A paper: <https://doi.org/x>. Beware." in text and "not reported" in text
    assert sorted(p.name for p in (tmp_path / "study").iterdir()) == ["table.json", "table.md"]


def test_what_cannot_be_judged_is_shown_with_its_reason_and_rows_are_judged_like_scores() -> None:
    second_hand = Published(0.9, source=Source("A paper"), reason="copied from notes", rows={"mean_rate": THEIRS})
    (found,) = collected(arm(co_bps=second_hand), [0, 1], RUNS, OURS, [])
    assert (found.published, found.passed, found.context["not_comparable"]) == (0.9, None, "copied from notes")
    assert found.context["rows"]["mean_rate"]["passed"] is False  # 0, and 0.3 is expected
    (elsewhere,) = collected(arm(co_bps=second_hand), [0, 1], RUNS, dataclasses.replace(OURS, bin_ms=20.0), ["trials"])
    row = elsewhere.context["rows"]["mean_rate"]
    assert row["passed"] is None and "bin width" in row["not_comparable"] and "--quick" in row["not_comparable"]
    missing = Published(reason="nobody said", rows={"absent": THEIRS, "untrained": Published(reason="nor of this")})
    (found,) = collected(arm(co_bps=missing), [0, 1], RUNS, OURS, [])
    assert list(found.context["rows"]) == ["untrained"] and found.context["rows"]["untrained"]["passed"] is None


def test_claims_are_counted_over_seeds_and_said_in_words() -> None:
    runs = [
        [score(0.2, (0.1, 0.3), claims={"it turns": True, "it grows": False})],
        [score(0.4, (0.3, 0.5), claims={"it turns": True, "it grows": True})],
    ]
    found = with_claims(collected(arm(co_bps=THEIRS), [0, 1], runs, OURS, []))
    assert found[0].context["claims"] == {"it turns": [True, True], "it grows": [False, True]}
    said = "maze/lfads, 2 seeds. Yes: it turns. In some: it grows (1 of 2 seeds)."
    assert found[0].context["dynamics"]["sentence"] == said and table.conclusions(found) == [said]
    assert table.as_mapping("maze", found)["conclusions"][0]["claims"]["it grows"] == [False, True]
    assert "claims" not in with_claims(collected(arm(co_bps=THEIRS), [0, 1], RUNS, OURS, []))[0].context
