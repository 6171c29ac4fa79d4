"""Subjects that are held out whole: nothing of them reaches training, and stimuli they share with training are told of."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

import neurodyn as nd
from aligned_subjects import TRIALS, subject
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.pnba import PNBA
from neurodyn.training.partition import fingerprint, partition

SMALL: dict[str, Any] = {"hidden": 8, "size": 3, "progress": False, "train": {"steps": 6, "batch_size": 6}}


def labelled(trials: Trials, splits: Sequence[str], stimuli: Sequence[str] | None = None) -> Trials:
    table = trials.table.assign(split=splits)
    return dataclasses.replace(trials, table=table if stimuli is None else table.assign(stimulus=stimuli))


def trained(session: str = "a", seed: int = 0, stimuli: Sequence[str] | None = None) -> Trials:
    return labelled(subject(session, seed=seed), ["train"] * 8 + ["valid"] * 2 + ["test"] * 2, stimuli)


def held_out(session: str = "new", seed: int = 5, stimuli: Sequence[str] | None = None, units: int = 7) -> Trials:
    return labelled(
        subject(session, seed=seed, units=units), ["test"] * 6 + ["calibration"] * 4 + ["none"] * 2, stimuli
    )


def test_sessions_without_training_trials_are_put_aside_whole() -> None:
    sessions = [held_out("first"), trained("a"), held_out("second", units=4), trained("b", 1)]
    parts = partition(sessions, None, 0)
    assert [t.session for t in parts.train] == [t.session for t in parts.valid] == ["a", "b"]
    assert [t.session for t in parts.unseen] == ["first", "second"]
    assert len(parts.unseen[0]) == TRIALS, "with all of their trials"
    assert [len(t) for t in parts.train] == [8, 8] and parts.test is not None and [len(t) for t in parts.test] == [2, 2]


def test_test_trials_alone_are_still_refused() -> None:
    with pytest.raises(InvalidInput, match="Never train or choose on test trials"):
        partition([held_out("a"), held_out("b")], None, 0)


def test_a_session_without_splits_is_trained_on_beside_one_that_is_held_out() -> None:
    parts = partition([subject("a", trials=20), held_out()], None, 0)
    assert [t.session for t in parts.train] == ["a"] and [t.session for t in parts.unseen] == ["new"]


def test_nothing_of_a_held_out_subject_reaches_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights with another held-out subject and with none; no pass and no preparation sees it."""
    seen: list[str] = []
    prepare, forward = PNBA.prepare, PNBA.forward

    def noted(self: PNBA, sessions: Sequence[Trials]) -> None:
        seen.extend(t.session for t in sessions)
        prepare(self, sessions)

    def passed(self: PNBA, observed: Any, privileged: Any = None) -> Any:
        seen.append(self.spec.sessions[observed.session].name)
        return forward(self, observed, privileged)

    monkeypatch.setattr(PNBA, "prepare", noted)
    monkeypatch.setattr(PNBA, "forward", passed)
    known = [trained("a"), trained("b", 1)]
    states = []
    for unseen in ([], [held_out()], [held_out(seed=9, units=30)]):
        fitted = nd.fit("pnba", [*known, *unseen], **SMALL)
        assert [s.name for s in fitted.model_.spec.sessions] == ["a", "b"]
        assert fitted.data_["train"] == fingerprint(fitted.train_ or [])
        states.append(fitted.model_.state_dict())
    assert set(seen) == {"a", "b"}
    for other in states[1:]:
        assert other.keys() == states[0].keys()
        assert all(torch.equal(value, other[name]) for name, value in states[0].items())


def test_stimuli_that_training_knows_are_told_of_with_counts() -> None:
    numbers = np.arange(TRIALS)
    training = [trained("a", stimuli=[f"s{k}" for k in numbers]), trained("b", 1, stimuli=[f"s{k}" for k in numbers])]
    # test trials are the first six: two of them show training stimuli, one stimulus twice; s9 only validates
    shown = ["s1", "s1", "s9", "n0", "n1", "n2", *(f"s{k}" for k in range(6))]
    with pytest.warns(UserWarning, match=r"2 of 6 test trials of the held-out session 'new'.*\(1 of 5 stimuli\)"):
        partition([*training, held_out(stimuli=shown)], None, 0)


def test_new_stimuli_warn_of_nothing() -> None:
    training = [trained("a", stimuli=[f"s{k}" for k in range(TRIALS)])]
    fresh = held_out(stimuli=[f"n{k}" for k in range(6)] + [f"s{k}" for k in range(6)])  # calibration may share them
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        partition([*training, fresh], None, 0)
        partition([trained("a"), held_out()], None, 0)
        partition(nd.load("multi_subject", pairs=1, stimuli=8, valid=4, test=4, shared=6, calibration=4), None, 0)
