from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neurodyn.errors import InvalidInput


def test_needs_a_test_split(subject):
    with pytest.raises(InvalidInput, match="test split"):
        dataclasses.replace(subject, trials={"train": subject.trials["train"]}, inferred={})


def test_refuses_an_inference_of_other_trials(subject):
    with pytest.raises(InvalidInput, match="rates"):
        dataclasses.replace(subject, inferred={"test": subject.inferred["train"]})


def test_refuses_an_inference_without_trials(subject):
    with pytest.raises(InvalidInput, match="valid"):
        dataclasses.replace(
            subject,
            trials={"test": subject.test},
            inferred={"test": subject.test_inference, "valid": subject.inferred["valid"]},
        )


def test_examples_cover_every_condition(subject):
    picked = subject.examples(4)
    assert sorted(subject.test.conditions[picked]) == ["down", "left", "right", "up"]
    assert len(subject.examples(1000)) == len(subject.test)


def test_best_row_is_the_highest_score_after_the_burn_in(subject):
    assert subject.best_row == 40
    history = [dict(row) for row in subject.history]
    history[2]["valid/score"] = 9.0
    assert dataclasses.replace(subject, history=history).best_row == 40, "epoch 2 lies in the burn-in"
    history[7]["valid/score"] = 9.0
    assert dataclasses.replace(subject, history=history).best_row == 7


def test_terms_and_curves(subject):
    assert subject.terms == ["total", "counts_nll", "kl_initial_condition", "kl_inputs"]
    assert subject.total_term == "total"
    solved = dataclasses.replace(
        subject, history=[{"epoch": 0, "learning_rate": None, "valid/counts_nll": 0.4, "valid/score": 0.1}]
    )
    assert np.isnan(solved.curve("learning_rate")).all()
    assert solved.total_term == "counts_nll"
