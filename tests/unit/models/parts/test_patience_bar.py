"""A bar that changes nothing about the steps it shows."""

from __future__ import annotations

import itertools

import pytest

from neurodyn.models.parts import patience_bar


@pytest.mark.parametrize("after", [0.0, 60.0])
def test_steps_pass_unchanged_and_none_is_taken_too_many(monkeypatch: pytest.MonkeyPatch, after: float) -> None:
    monkeypatch.setattr(patience_bar, "_AFTER_S", after)
    steps = itertools.count()
    assert list(patience_bar.with_bar(steps, "counting", 3)) == [0, 1, 2]
    assert next(steps) == 3


def test_nothing_is_drawn_off_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(patience_bar, "_AFTER_S", 0.0)
    list(patience_bar.with_bar(iter(range(5)), "counting", 5))
    captured = capsys.readouterr()
    assert not captured.out and not captured.err.strip()
