"""Every check says `fine` of a sound subject and `look` of one with just that defect."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from neurodyn.data.inference import Inference
from neurodyn.reporting import findings, training_findings
from neurodyn.reporting.calibration import Calibration
from neurodyn.reporting.conditions import Conditions
from neurodyn.reporting.diagnosis import Diagnosis, diagnose
from neurodyn.reporting.rasters import Rasters
from neurodyn.reporting.rates import Rates
from neurodyn.reporting.subject import Subject


def with_inference(subject: Subject, **changes: Any) -> Subject:
    test = dataclasses.replace(subject.test_inference, **changes)
    return dataclasses.replace(subject, inferred={**subject.inferred, "test": test})


def with_history(subject: Subject, **columns: Any) -> Subject:
    rows = [dict(row) for row in subject.history]
    for name, values in columns.items():
        for row, value in zip(rows, values):
            row[name.replace("__", "/")] = float(value)
    return dataclasses.replace(subject, history=rows)


def test_a_sound_subject_is_fine(subject):
    sound = dataclasses.replace(subject, scores=subject.scores[:1])
    assert [f for f in diagnose(sound) if f.state != "fine"] == []
    assert len(diagnose(sound)) >= 11


def test_scores_at_or_below_a_baseline(subject):
    found = findings.beats_baselines(subject)
    assert found.state == "look"
    assert "rate_r2 (0.600) is worse than smoothing (0.700)" in found.sentence
    assert "behaviour_r2 (0.810) cannot be told from smoothing" in found.sentence
    assert "co_bps" not in found.sentence


def test_values_that_are_not_finite(subject):
    rates = subject.test_inference.rates.copy()
    rates[0, 0, 0] = np.nan
    assert findings.finite_values(with_inference(subject, rates=rates)).state == "look"
    assert findings.finite_values(subject) is None


def test_silent_units(subject):
    train = subject.trials["train"]
    counts = train.counts.copy()
    counts[:, :, 5] = 0
    signals = {**train.signals, "counts": dataclasses.replace(train.signals["counts"], values=counts)}
    silent = dataclasses.replace(
        subject, trials={**subject.trials, "train": dataclasses.replace(train, signals=signals)}
    )
    found = findings.silent_units(silent)
    assert found.state == "look" and "unit 6" in found.sentence


def test_dead_units(subject):
    rates = subject.test_inference.rates.copy()
    rates[:, :, [1, 3]] = rates[:, :, [1, 3]].mean((0, 1))
    found = findings.dead_units(with_inference(subject, rates=rates))
    assert found.state == "look" and "units 2, 4" in found.sentence


def test_floored_rates(subject):
    rates = subject.test_inference.rates.copy()
    rates[:, ::10] = 1e-9
    assert findings.floored_rates(with_inference(subject, rates=rates)).state == "look"


@pytest.mark.parametrize(("other", "state"), [(0.255, "look"), (0.1, "fine"), (-0.9, "fine")])
def test_latents_that_the_score_hardly_needs(subject, other, state):
    share = (0.26 - other) / 0.26
    context = {"scored": "held-out units", "own_latents": 0.26, "other_latents": other, "share": share}
    used = dataclasses.replace(subject.scores[0], name="latent_use", context=context)
    found = findings.latent_use(dataclasses.replace(subject, scores=[used]))
    assert found.state == state and f"{abs(other):.3f}" in found.sentence
    assert findings.latent_use(subject) is None
    unscored = dataclasses.replace(used, context={**context, "own_latents": -0.1, "share": None})
    assert findings.latent_use(dataclasses.replace(subject, scores=[unscored])) is None


def test_idle_latents(subject):
    latents = subject.test_inference.latents.copy()
    latents[:, :, :3] *= 1e-5
    found = findings.idle_latents(with_inference(subject, latents=latents))
    assert found.state == "look" and "3 of 6" in found.sentence
    assert findings.idle_latents(with_inference(subject, latents=0 * latents)).state == "look"


def test_idle_inputs(subject):
    assert findings.input_use(with_inference(subject, inputs=1e-6 * subject.test_inference.inputs)).state == "look"
    assert findings.input_use(with_inference(subject, inputs=None)) is None


def test_copied_spikes(subject):
    test = subject.test
    rates = subject.test_inference.rates.copy()
    rates[:, :, test.heldin] += 0.3 * test.counts[:, :, test.heldin]
    found = findings.copied_spikes(with_inference(subject, rates=rates))
    assert found.state == "look"
    rates[:, :, test.heldout] += 0.3 * test.counts[:, :, test.heldout]
    assert findings.copied_spikes(with_inference(subject, rates=rates)).state == "fine", "held-out units say it is real"


def test_poor_generalisation(subject):
    train = subject.trials["train"]
    memory = Inference(train.bin_s, (0.9 * train.counts + 0.05).astype(np.float32))
    over = dataclasses.replace(subject, inferred={**subject.inferred, "train": memory})
    assert findings.generalisation(over).state == "look"


def test_collapsed_kl(subject):
    found = training_findings.kl_collapse(with_history(subject, valid__kl_inputs=np.full(60, 1e-3)))
    assert found.state == "look" and "posterior of inputs" in found.advice


def test_over_fitting(subject):
    turned = 0.5 + 0.0002 * (np.arange(60.0) - 20) ** 2
    assert training_findings.over_fitting(with_history(subject, valid__counts_nll=turned)).state == "look"


def test_train_valid_gap(subject):
    apart = subject.curve("train/counts_nll") * 1.3
    assert training_findings.train_valid_gap(with_history(subject, valid__counts_nll=apart)).state == "look"


def test_stopping_at_either_end(subject):
    last = training_findings.stopping(with_history(subject, valid__score=np.arange(60)))
    assert last.state == "look" and "still improving" in last.sentence
    first = dataclasses.replace(with_history(subject, valid__score=-np.arange(60)), config={})
    assert training_findings.stopping(first).state == "look"


def test_findings_worth_a_look_come_first(subject):
    html = Diagnosis().html(subject)
    assert html.index('class="look"') < html.index('class="fine"')
    assert "1 of " in html


def withheld(subject: Subject) -> Subject:
    """The same, held-out units and forward bins of all test trials unknown but for three trials."""
    test = subject.test
    known = np.ones(test.counts.shape, bool)
    known[3:, :, test.heldout] = False
    known[3:, test.observed_bins :] = False
    neural = dataclasses.replace(test.neural, values=np.where(known, test.counts, 0), mask=known)
    table = test.table.assign(condition=[None, *test.table["condition"][1:]])
    hidden = dataclasses.replace(test, signals={**test.signals, "counts": neural}, table=table)
    return dataclasses.replace(subject, trials={**subject.trials, "test": hidden})


def test_withheld_counts_are_no_zeros(subject):
    hidden = withheld(subject)
    few = {name: values[:3] for name, values in subject.test_inference.arrays().items()}
    alone = dataclasses.replace(
        subject,
        trials={**subject.trials, "test": subject.test.select(slice(0, 3))},
        inferred={**subject.inferred, "test": dataclasses.replace(subject.test_inference, **few)},
    )
    heldout = subject.test.heldout
    assert findings._fast_correlation(hidden, heldout) == pytest.approx(findings._fast_correlation(alone, heldout))
    assert findings.generalisation(hidden).state == "fine"
    only_test = dataclasses.replace(hidden, inferred={"test": hidden.test_inference})
    none_known = np.zeros(subject.test.counts.shape, bool)
    none_known[..., subject.test.heldin] = True
    neural = dataclasses.replace(subject.test.neural, mask=none_known)
    unseen = dataclasses.replace(subject.test, signals={**subject.test.signals, "counts": neural})
    only_test = dataclasses.replace(only_test, trials={"test": unseen})
    assert findings.silent_units(only_test).state == "fine"
    beside = dataclasses.replace(subject, trials={**subject.trials, "test": unseen})
    assert "known on test" in findings.generalisation(beside).sentence
    counts = subject.trials["train"].counts.copy()
    counts[..., subject.test.heldout] = 0
    train = subject.trials["train"]
    neural = dataclasses.replace(train.neural, values=counts)
    changed = dataclasses.replace(train, signals={**train.signals, "counts": neural})
    changed = dataclasses.replace(beside, trials={**beside.trials, "train": changed})
    assert findings.generalisation(changed).sentence == findings.generalisation(beside).sentence


def test_sections_draw_what_is_withheld_as_nothing(subject):
    hidden = withheld(subject)
    for section in (Rasters(), Rates(), Calibration(), Conditions()):
        assert section.applies(hidden)
        assert "None" not in section.html(hidden)
    assert np.isnan(hidden.recorded[5][:, hidden.test.heldout]).all()
    assert "in neither sum" in Rasters().html(hidden)
    assert "in neither sum" not in Rasters().html(subject)
