"""What an arm that aligns subjects comes to: carried over, or not and why, with what was expected of it and of the rows beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from alignment_cases import aligned, collapsed
from neurodyn.alignment.base import Alignment
from neurodyn.alignment.card import HEADLINE, report_card
from neurodyn.metrics.base import Score
from neurodyn.reproduction import cards, table
from neurodyn.reproduction.alignment_conclusion import with_alignment_conclusions
from neurodyn.reproduction.collect import collected
from neurodyn.reproduction.expected import Published, Source
from neurodyn.reproduction.recipe import Recipe
from neurodyn.reproduction.setting import Setting
from neurodyn.reproduction.study import Arm

NAMES = ("cross_subject_r", "cross_subject_r_unpaired", "cross_subject_r_raw", "effective_dimension")
HERE = Setting("multi_subject", 30.0)


def expect(value: float, compare: str = "at_least", **more: Published) -> Published:
    found = Published(value, 0.0, source=Source("thresholds"), setting=HERE, rows=more)
    return dataclasses.replace(found, compare=compare)  # type: ignore[arg-type]


def study(model: Alignment, *, untrained: bool = True, **published: Published) -> list[Score]:
    """One arm over two seeds, whose report cards are those of the model given."""
    given = {"model": model, "untrained": aligned(noise=4.0), "shuffled_pairing": collapsed(model)}
    given |= {"calibrated_4": aligned(noise=0.5), "calibrated_64": aligned(noise=0.1)}
    if not untrained:
        given.pop("untrained")
    scores = report_card(given, measures=NAMES, draws=100)
    reported = {name: published.get(name, Published(reason="nothing is expected")) for name in NAMES}
    arm = Arm("pnba/tiers/t", Recipe("pnba", {"source": "multi_subject"}), reported, statistic="median")
    return with_alignment_conclusions(collected(arm, [0, 1], [scores, scores], HERE, []))


def conclusion(scores: Sequence[Score]) -> dict[str, object]:
    (found,) = [score.context["conclusion"] for score in scores if "conclusion" in score.context]
    return dict(found)


def test_what_nothing_speaks_against_carries_over_and_says_what_is_beside_it() -> None:
    met = expect(0.5, shuffled_pairing=expect(0.2, "at_most"), calibrated_64=expect(1.0))
    scores = study(aligned(), cross_subject_r=met)
    found = conclusion(scores)
    assert found["verdict"] == "carries_over" and found["findings"] == [] and found["expected_met"] == [2, 3]
    sentence = str(found["sentence"])
    for words in ("t carries over", "untrained −0.0", "shuffled pairing 0.000", "With 4 calibration trials", "With 64"):
        assert words in sentence
    assert "2 of 3 expected values are met: not cross_subject_r of calibrated_64" in sentence
    headline = next(score for score in scores if score.name == HEADLINE)
    assert headline.passed is True and headline.context["rows"]["calibrated_64"]["passed"] is False


def test_a_collapse_does_not_carry_over_and_that_may_be_what_is_expected() -> None:
    model = collapsed(aligned())
    found = conclusion(study(model, effective_dimension=expect(0.0, "at_most")))
    assert found["verdict"] == "does_not" and found["expected_met"] == [1, 1]
    assert "does not carry over, as it must not" in str(found["sentence"])
    assert "No latent dimension is active" in str(found["sentence"])
    assert "as it must not" not in str(conclusion(study(model))["sentence"])
    unmet = conclusion(study(aligned(), effective_dimension=expect(1.0, "at_most")))
    assert unmet["verdict"] == "carries_over" and unmet["expected_met"] == [0, 1]


def test_where_a_calibrated_model_reads_much_more_behaviour_it_carries_over_in_part() -> None:
    scores = study(aligned())
    own = dataclasses.replace(scores[0], name="zero_shot_behaviour_r2", value=0.3, context={"arm": "pnba/tiers/t"})
    for calibrated, verdict in ((0.44, "carries_over"), (0.46, "in_part")):
        behaviour = dataclasses.replace(own, baselines={"calibrated_64": calibrated})
        found = conclusion(with_alignment_conclusions([*study(aligned()), behaviour]))
        assert found["verdict"] == verdict and f"behaviour R² {calibrated:.3f}" in str(found["sentence"])


def test_without_the_rows_beside_it_the_question_stays_open() -> None:
    found = conclusion(study(aligned(), untrained=False))
    assert found["verdict"] == "open" and "no untrained" in str(found["sentence"])


def test_the_table_has_a_column_for_every_row_and_the_warning_of_the_published_measure() -> None:
    scores = study(aligned(), cross_subject_r=expect(0.5, shuffled_pairing=expect(0.2, "at_most")))
    heads = cards.headings(scores)
    assert heads == (*cards.HEADINGS, "untrained", "shuffled pairing", "calibrated 4", "calibrated 64")
    rows = {row[1]: dict(zip(heads, row)) for row in cards.rows(scores)}
    assert list(rows) == list(NAMES) and rows[HEADLINE]["published"] == "≥ 0.500 ✓"
    assert rows[HEADLINE]["shuffled pairing"] == "0.000 ✓" and rows[HEADLINE]["untrained"].count(" ") == 0
    text = table.markdown("pnba/tiers", scores, without_data=["pnba/other/a"])
    for words in (
        "## Report cards",
        "cross_subject_r_raw: The published correlation",
        "## Conclusion",
        "- thresholds.",
    ):
        assert words in text
    assert "Left out for want of data: pnba/other/a." in text and "| verdict |" not in text
    assert table.as_mapping("pnba/tiers", scores, without_data=["pnba/other/a"])["left_out"] == ["pnba/other/a"]


@pytest.mark.parametrize(("compare", "words"), [("at_most", "not better by more than 0"), ("equal", "within 0")])
def test_the_verdict_says_how_it_was_compared(compare: str, words: str) -> None:
    scores = study(aligned(), cross_subject_r=expect(0.0, compare))
    headline = next(score for score in scores if score.name == HEADLINE)
    assert headline.passed is False and words in table.verdict(headline)
