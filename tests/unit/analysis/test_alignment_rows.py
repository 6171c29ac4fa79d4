"""The rows of a fitted model's report card."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import neurodyn
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.analysis.alignment import AlignmentRows, alignment_rows
from neurodyn.assessment import parts_of
from neurodyn.data.trials import Trials
from neurodyn.simulate.datasets.multi_subject import MultiSubject

FEW = ("cross_subject_r", "cross_subject_r_unpaired", "zero_shot_behaviour_r2_linear")


@pytest.mark.slow
def test_a_models_rows_and_what_stands_beside_them() -> None:
    trials = MultiSubject.with_options(pairs=1, stimuli=24, valid=6, test=6, shared=8, calibration=6).load()
    estimator = neurodyn.fit("pnba", trials, seed=0, train={"epochs": 1}, progress=False)
    found = alignment_rows(estimator, parts_of(estimator))
    assert found is not None
    assert list(found.rows) == ["pnba", "untrained", "shuffled_pairing", "population_rate", "calibrated_4"]
    model, calibrated = found.rows["pnba"], found.rows["calibrated_4"]
    assert [len(model.calibration[s.name]) for s in model.scored] == [6, 6]
    # calibrated rows share the training subjects' latents, since calibration does not change these
    again = estimator.calibrate([t for t in trials if t.session in {s.name for s in model.scored}], count=4).model_
    taught = next(iter(model.training.values()))
    np.testing.assert_allclose(again.infer(taught.trials).latents, taught.latents, atol=1e-6)
    assert calibrated.training is model.training
    scores = {score.name: score for score in found.scores({}, FEW)}
    assert "within_session" in scores[FEW[2]].baselines and "pca_cca" not in scores[FEW[2]].baselines
    assert "pca_cca" in scores[FEW[0]].baselines


def test_a_row_that_cannot_be_had_is_left_out_with_a_warning() -> None:
    rng = np.random.default_rng(0)
    subjects = {}
    for name in ("b", "c"):
        trials = Trials.from_arrays(rng.poisson(2.0, (3, 10, 5)), bin_s=0.02, session=name)
        trials = dataclasses.replace(trials, table=trials.table.assign(stimulus=["one", f"{name} 1", f"{name} 2"]))
        subjects[name] = AlignedSubject(name, trials, rng.normal(size=(3, 10, 2)), zero_shot=True)
    rows = AlignmentRows({"model": Alignment(subjects)})
    with pytest.warns(UserWarning, match="row pca_cca .* too few trials that pair"):
        (score,) = rows.scores({}, ["cross_subject_r"])
    assert score.baselines == {}
