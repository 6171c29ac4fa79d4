"""Messages and private inputs beside what areas truly receive: known answers, and what must not fool them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neurodyn import registry
from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.metrics.base import Evaluation, score, shuffled

AREAS = ["PPC", "PFC", "PPC", "PFC", "PPC", "PFC"]


def evaluation(noise: float = 0.0, swap: bool = False, ragged: bool = True) -> Evaluation:
    """Two areas that send each other signals of which messages are noisy images, and a stimulus that PPC's private inputs hold."""
    trials, inferred = {}, {}
    images = np.random.default_rng(5).normal(size=(3, 2, 2))
    for k, (split, n) in enumerate((("train", 40), ("valid", 15), ("test", 20))):
        rng = np.random.default_rng(k)
        to_pfc, to_ppc, stimulus = (np.cumsum(rng.normal(size=(n, 30, 2)), 1) for _ in range(3))
        mask = np.ones((n, 30), bool)
        mask[::3, -5:] = not ragged
        trials[split] = Trials.from_arrays(
            rng.poisson(1.0, (n, 30, 6)),
            bin_s=0.01,
            mask=mask,
            unit_table=pd.DataFrame({"area": AREAS}),
            truth={"inputs": to_pfc, "inputs_to_ppc": to_ppc, "stimulus": stimulus},
        )
        seen = [
            a @ image + noise * rng.normal(size=a.shape) * a.std()
            for a, image in zip((to_pfc, to_ppc, stimulus), images)
        ]
        extra = {
            "message_PPC_to_PFC": seen[1 if swap else 0],
            "message_PFC_to_PPC": seen[0 if swap else 1],
            "private_inputs_PPC": seen[2],
            "private_inputs_PFC": rng.normal(size=(n, 30, 2)),
            "factors_PPC": rng.normal(size=(n, 30, 3)),
            "factors_PFC": rng.normal(size=(n, 30, 3)),
        }
        extra = {name: np.where(mask[..., None], values, np.nan) for name, values in extra.items()}
        inferred[split] = Inference(0.01, rates=np.ones((n, 30, 6)), extra=extra)
    return Evaluation(trials, inferred)  # type: ignore[arg-type]


def value(name: str, e: Evaluation) -> float:
    return float(registry.load("metrics", name)().measure(e).value)


@pytest.mark.parametrize("name", ["message_r2", "private_input_r2"])
def test_an_image_of_the_truth_reaches_the_ceiling_and_other_trials_do_not(name: str) -> None:
    metric = registry.load("metrics", name)()
    found = score(metric, evaluation(), {"shuffled": shuffled(evaluation(ragged=False))}, draws=100)
    assert found.value == pytest.approx(1, abs=1e-6) and found.ceiling == pytest.approx(1, abs=1e-6)
    assert found.baselines["shuffled"] < 0.3
    assert all(other < 0.3 for other in found.baselines.values())
    assert found.interval[0] <= found.value <= found.interval[1] + 1e-12
    assert 0.3 < value(name, evaluation(noise=0.8)) < 0.9


def test_messages_the_wrong_way_round_say_nothing() -> None:
    assert value("message_r2", evaluation(swap=True)) < 0.2


def test_each_area_is_in_the_context_and_the_score_is_their_mean() -> None:
    metric = registry.load("metrics", "message_r2")()
    measured = metric.measure(evaluation(noise=0.5))
    same = {name: found for name, found in measured.context.items() if not name.endswith("before")}
    assert set(same) == {"into PPC", "into PFC"}
    assert measured.value == pytest.approx(np.mean(list(same.values())))
    baselines = {
        "sender_state",
        "receiver_state",
        "receiver_private_inputs",
        "sender_smoothed_spikes",
        "receiver_smoothed_spikes",
    }
    assert set(metric.simpler(evaluation())) == baselines


def test_a_late_message_is_what_was_sent_the_bin_before() -> None:
    e = evaluation(ragged=False)
    late: Any = {
        split: dataclasses.replace(i, extra={n: np.concatenate([v[:, :1], v[:, :-1]], 1) for n, v in i.extra.items()})
        for split, i in e.inferred.items()
    }
    measured = registry.load("metrics", "message_r2")().measure(Evaluation(e.trials, late))
    assert measured.value < 0.98
    assert measured.context["into PFC, of the bin before"] == pytest.approx(1, abs=1e-6)


def test_the_driven_area_is_found_on_train() -> None:
    measured = registry.load("metrics", "private_input_r2")().measure(evaluation())
    assert measured.context["area"] == "PPC"
    assert measured.context["of PFC"] < 0.1 < measured.context["of PPC"]


def test_they_apply_to_areas_and_messages_alone() -> None:
    e = evaluation()
    bare: Any = {s: dataclasses.replace(i, extra={}) for s, i in e.inferred.items()}
    untold: Any = {s: dataclasses.replace(t, truth={}) for s, t in e.trials.items()}
    nowhere: Any = {s: dataclasses.replace(t, unit_table=pd.DataFrame()) for s, t in e.trials.items()}
    for name in ("message_r2", "private_input_r2"):
        metric = registry.load("metrics", name)()
        assert metric.applies(e)
        assert not metric.applies(Evaluation(e.trials, bare))
        assert not metric.applies(Evaluation(untold, e.inferred))
        assert not metric.applies(Evaluation(nowhere, e.inferred))
