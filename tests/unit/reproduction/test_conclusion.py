"""The conclusion of a study with controls follows from its intervals alone."""

from __future__ import annotations

import pytest

from neurodyn.reproduction.conclusion import Conclusion, concluded
from neurodyn.reproduction.paired import Paired

CLEAR, OPEN, BEHIND = (0.01, 0.03), (-0.01, 0.03), (-0.03, -0.01)
VALID = {"maze/hard": 0.3, "maze/soft": 0.2}


def difference(to: str, interval: tuple[float, float]) -> Paired:
    middle = sum(interval) / 2
    return Paired(to, (0, 1, 2), (middle,) * 3, middle, interval, "95 %", 3)


def made(reference: tuple[float, float], *controls: tuple[float, float], missing: tuple[str, ...] = ()) -> Conclusion:
    over = {"maze/none": difference("maze/none", reference)}
    over |= {f"maze/{name}": difference(name, each) for name, each in zip(("shuffled", "self"), controls)}
    return concluded("co_bps", "", "higher", VALID, over, missing)


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        (made(CLEAR, CLEAR, CLEAR), "explained", "a gain, which no control has: one that behaviour explains."),
        (made(CLEAR, CLEAR, OPEN), "unexplained", "none that behaviour explains: not clearly more than self."),
        (made(CLEAR, OPEN, BEHIND), "unexplained", "not clearly more than shuffled and self."),
        (made(CLEAR), "uncontrolled", "open, without controls."),
        (made(CLEAR, CLEAR, missing=("maze/self",)), "uncontrolled", "open, without self."),
        (made(OPEN, CLEAR, CLEAR), "none", "no gain here that can be told from chance."),
        (made(BEHIND, CLEAR, CLEAR), "worse", "worse than none."),
    ],
)
def test_the_verdict_is_what_the_intervals_say(found: Conclusion, verdict: str, said: str) -> None:
    assert found.verdict == verdict and found.best == "maze/hard"
    assert found.sentence.startswith("co_bps: hard (best of 2 on validation trials) over none ")
    assert found.sentence.endswith(said)


def test_numbers_and_the_session_are_in_the_sentence() -> None:
    over = {"maze/none": difference("maze/none", (-0.03, -0.01))}
    found = concluded("latent_distance", "day 2", "lower", {"maze/hard": 0.1}, over)
    assert found.verdict == "uncontrolled"  # lower is better
    assert found.sentence.startswith(
        "latent_distance, day 2: hard over none -0.0200 [-0.0300, -0.0100] (3 of 3 seeds agree):"
    )
    assert found.as_mapping()["over"]["maze/none"]["interval"] == (-0.03, -0.01)
