"""Embeddings of neurons come to hold their type: on held-out sessions, beyond chance and beyond what an untrained network makes of the same activity."""

import pytest

import neurodyn as nd
from neurodyn.analysis.cell_types import classify_cell_types
from neurodyn.estimator import Estimator


@pytest.mark.slow
def test_a_teacher_s_embeddings_tell_class_and_subclass_in_sessions_it_never_saw() -> None:
    sizes = {"units": 50, "windows": 20, "bins": 60, "split": (8.0, 1.0, 1.0)}
    sessions = nd.load("cell_types", sessions=3, **sizes)
    held_out = nd.load("cell_types", sessions=2, first=3, **sizes)
    fitted = Estimator(
        "neuprint",
        embedding=16,
        feedforward=32,
        dropout=0.0,
        behaviour={"fusion": "concatenate"},
        train={"epochs": 30, "batch_size": 3, "learning_rate": 5e-3},
        progress=False,
    ).fit(sessions)
    search = {"epochs": 20, "batch_size": 5, "learning_rate": 1e-2}
    scores = {s.name: s for s in classify_cell_types(fitted, sessions, held_out, classifiers=["linear"], train=search)}
    by_class, by_subclass = scores["class_linear"], scores["subclass_linear"]
    assert by_subclass.n < by_class.n == 100
    assert by_class.value > by_class.baselines["majority"] + 0.05
    assert by_subclass.value > 0.5 > 0.4 > by_subclass.baselines["majority"]
    for chance in ("majority", "shuffled_labels", "untrained"):
        assert by_subclass.difference[chance][1] > 0, f"subclass, 95 % interval against {chance}"
