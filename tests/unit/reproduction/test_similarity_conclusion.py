"""What is said of networks beside a recording follows from the numbers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurodyn.metrics.base import Score
from neurodyn.reproduction.similarity_conclusion import Alike, similarity_conclusion, with_similarity_conclusions
from neurodyn.training.kept import SimilarityOverTraining

STEPS = np.array([0, 10, 100])


def _run(last: float, errors: Sequence[float] = (1.0, 0.1, 0.01)) -> SimilarityOverTraining:
    values = np.array([0.6, (0.6 + last) / 2, last])
    return SimilarityOverTraining(
        "brain",
        STEPS,
        np.array(errors),
        "normalised_error",
        {"procrustes": "lower"},
        {"procrustes": values},
        {"procrustes": np.tile(values, (20, 1))},
        {"procrustes": {"cross_condition_average": 0.48}},
        0.32,
        np.array([-0.1, 0.0, 0.1]),
        {"procrustes": np.array([0.8, 0.7, last])},
        np.ones(3),
        3.3,
    )


def _scores(procrustes: float, cka: float) -> list[Score]:
    def one(name: str, value: float, floor: float, direction: Any) -> Score:
        context: Mapping[str, Any] = {"fitted": value, "held_out": "yes", "arm": "s/bptt"}
        baselines = {"cross_condition_average": floor, "chance": 0.8}
        return Score(name, "", value, (value, value), 8, direction, baselines, context=context)

    return [one("procrustes", procrustes, 0.48, "lower"), one("cka", cka, 0.79, "higher")]


def _arm(name: str, lasts: Sequence[float], control: bool = False, **more: Any) -> Alike:
    runs = {seed: _run(last, **more) for seed, last in enumerate(lasts)}
    scores = {seed: _scores(last, 0.76) for seed, last in enumerate(lasts)}
    return Alike(f"s/{name}", "s/bptt", control, name.split("_")[0], runs, scores)


def test_a_surrogate_above_all_networks_is_named() -> None:
    found = similarity_conclusion([_arm("bptt", [0.33, 0.34]), _arm("eprop", [0.4, 0.41])])
    above = {each["measure"]: each["surrogate_above_all"] for each in found["ranking"]}
    assert above == {"procrustes": False, "cka": True}
    assert "ranks above every trained network by cka" in found["sentence"]
    assert "more alike than the cross-condition average by procrustes" in found["sentence"]
    json.dumps(found, allow_nan=False)


def test_what_differs_at_the_same_error_is_said_with_its_sign() -> None:
    found = similarity_conclusion([_arm("bptt", [0.33, 0.34]), _arm("eprop", [0.5, 0.52])])
    mean, low, high = found["measures"]["procrustes"]["matched"]["overall"]["s/eprop"]
    assert 0 < low <= mean <= high
    assert "eprop minus bptt +" in found["sentence"] and "apart, every seed on one side" in found["sentence"]
    assert found["lags"]["procrustes"]["best_s"] == 0.1


def test_the_claim_stands_beside_what_else_moves_the_value() -> None:
    said = similarity_conclusion([_arm("bptt", [0.33, 0.34]), _arm("eprop", [0.5, 0.52]), _arm("bptt_small", [0.4])])
    (claim,) = (each for each in said["sentences"] if each.startswith("Published"))
    assert "procrustes: apart, +" in claim and "between bptt_small and bptt" in claim and "0.465 over lags" in claim
    level = similarity_conclusion([_arm("bptt", [0.33, 0.36]), _arm("eprop", [0.34, 0.36])])
    assert any("procrustes: not told apart" in each for each in level["sentences"])
    assert not any(
        each.startswith("Published")
        for each in similarity_conclusion([_arm("bptt", [0.3]), _arm("mdgl", [0.4])])["sentences"]
    )


def test_equal_arms_are_not_told_apart() -> None:
    found = similarity_conclusion([_arm("bptt", [0.33, 0.36]), _arm("eprop", [0.33, 0.36])])
    assert "not told apart, seeds overlap" in found["sentence"]


def test_a_control_that_does_not_learn_is_left_out_of_matched_errors() -> None:
    still = _arm("readout", [0.6, 0.6], control=True, errors=(1.0, 0.95, 0.9))
    found = similarity_conclusion([_arm("bptt", [0.33]), _arm("eprop", [0.4]), still])
    assert set(found["measures"]["procrustes"]["matched"]["overall"]) == {"s/eprop"}
    assert "s/readout" in found["measures"]["procrustes"]["after_training"]


def test_it_stands_beside_the_first_score_of_the_reference() -> None:
    arms = [_arm("bptt", [0.33]), _arm("eprop", [0.4])]
    scores = [*_scores(0.33, 0.7), *(dataclasses.replace(s, context={"arm": "s/eprop"}) for s in _scores(0.4, 0.7))]
    said = ["similarity" in score.context for score in with_similarity_conclusions(scores, arms)]
    assert said == [True, False, False, False]
    alone = with_similarity_conclusions(scores, arms[:1])
    assert not any("similarity" in score.context for score in alone)


def test_lags_move_the_value() -> None:
    found = similarity_conclusion([_arm("bptt", [0.33]), _arm("eprop", [0.4])])
    assert "moves by up to 0.470, 6.7 times the largest gap between arms that learn" in found["sentence"]


def test_no_lag_is_looked_at_on_its_own() -> None:
    found = similarity_conclusion([_arm("bptt", [0.33]), _arm("eprop", [0.4])])
    assert (
        "procrustes at 0 ms: bptt 0.700, eprop 0.700; no arm is more alike than the cross-condition average (0.480)"
        in found["sentence"]
    )
