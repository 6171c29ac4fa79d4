"""What a model that aligns subjects says about held-out subjects, and the rows that its report card needs beside it."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn import config as configs
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.card import report_card
from neurodyn.alignment.pca_cca import pca_cca
from neurodyn.alignment.pca_cca_decoding import pca_cca_decoding
from neurodyn.alignment.population_rate import population_rate
from neurodyn.alignment.trial_pairs import matched_by
from neurodyn.alignment.within_session import within_session
from neurodyn.data.inference import trials_at_a_time
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.pairing_shuffle import PairingShuffleConfig
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.metrics.base import Measurement, Score
from neurodyn.models.base import Model
from neurodyn.training.fit import prepare
from neurodyn.training.partition import Parts
from neurodyn.training.plan import Plan

CALIBRATION_TRIALS = (4, 16, 64)
"""Trials of a new subject that few-shot calibration is tried with."""
DECODER_TRIALS, LEAST_TRIALS = 512, 64
"""Training trials that decoders are fitted to, at most: of all training subjects together, and of one where there are many."""
SHUFFLED, PCA_CCA, WITHIN_SESSION = "shuffled_pairing", "pca_cca", "within_session"


@dataclasses.dataclass(frozen=True, eq=False)
class AlignmentRows:
    """The rows of a report card."""

    rows: Mapping[str, Alignment]
    """The model first, by its name."""

    def scores(self, context: Mapping[str, Any], measures: Sequence[str] | None = None) -> list[Score]:
        """A score for every measure that applies (or those named), with all rows as its baselines; beside them what PCA + CCA and decoders taught by the scored subjects themselves give."""
        return report_card(self.rows, direct=self._direct(measures), measures=measures, context=context)

    def _direct(self, measures: Sequence[str] | None) -> dict[str, dict[str, Measurement]]:
        """Rows that are no alignments; they are told labels of the scored subjects. One that cannot be had is left out, with a warning."""
        model, found = next(iter(self.rows.values())), dict[str, dict[str, Measurement]]()
        for row, make in ((PCA_CCA, pca_cca), (PCA_CCA, pca_cca_decoding), (WITHIN_SESSION, within_session)):
            try:
                found.setdefault(row, {}).update(make(model, measures))
            except InvalidInput as error:
                warnings.warn(f"the row {row} of the report card is not whole: {error}", stacklevel=3)
        return found


def aligns(model: Model) -> bool:
    """Whether a model aligns subjects, so that its scores are those of a report card too."""
    return bool(getattr(model, "beside", ()))


def alignment_rows(estimator: Estimator, parts: Parts, kept: Path | None = None) -> AlignmentRows | None:
    """The model's alignment and, beside it: untrained, trained on shuffled pairs, the population's rate, calibrated on 4, 16 and 64 trials.

    Held-out subjects are inferred zero-shot; where the model cannot, with all of their calibration trials. The control on shuffled pairs is trained as the model was,
    once for a run.

    Args:
        estimator: fitted.
        parts: its trials; those of `unseen` are held-out subjects.
        kept: folder where the trained control lies; None trains it anew.

    Returns:
        None where no two subjects can be compared.
    """
    model, name = estimator.model_, estimator.plan_.model
    known = {session.name for session in model.spec.sessions}
    new = [trials for trials in parts.unseen if trials.session not in known]
    within = [t for t in parts.test or [] if t.session in known]
    within_again = [trials.test for trials in parts.unseen if trials.session in known]
    if len(new) + len(within) + len(within_again) < 2:
        return None
    scored = [*within, *within_again, *(trials.test for trials in new)]
    held_out = {trials.session for trials in parts.unseen}
    taught = [_some(t, len(parts.train)) for t in parts.train]
    calibration = {t.session: t for t in taught}
    calibration |= {
        t.session: _some(t.part("calibration"), 1) for t in parts.unseen if "calibration" in set(t.table["split"])
    }

    def subjects(of: Model) -> dict[str, AlignedSubject]:
        return {t.session: _subject(of, t, t.session in held_out) for t in scored}

    def row(of: Model) -> Alignment:
        return Alignment(subjects(of), {t.session: _subject(of, t, False) for t in taught}, calibration)

    few = {} if getattr(model, "published", None) is not None else _few(new)  # the published network is not calibrated
    whole = _knowing(model, parts.unseen)
    if whole is None:
        return None
    rows = {name: row(whole)}
    if new and not model.subject_free:
        count = max(few)
        rows = {f"{name}, calibrated_{count}": rows[name]}
        few.pop(count)
    first = next(iter(rows.values()))
    if matched_by(first) is None:
        return None
    for label, control in (
        ("untrained", _untrained(estimator, parts)),
        (SHUFFLED, _shuffled(estimator, parts, kept)),
    ):
        known_too = _knowing(control, parts.unseen)
        if known_too is not None:
            rows[label] = row(known_too)
    rows["population_rate"] = population_rate(first)
    for count, trials in few.items():  # calibration changes nothing for the training subjects
        rows[f"calibrated_{count}"] = first.with_subjects(subjects(model.calibrate(trials)))
    return AlignmentRows(rows)


def _knowing(model: Model, unseen: Sequence[Trials]) -> Model | None:
    """A model that knows all held-out subjects: those it does not know yet zero-shot, else by as many calibration trials as are tried; None where neither can be."""
    known = {session.name for session in model.spec.sessions}
    new = [trials for trials in unseen if trials.session not in known]
    if not new:
        return model
    if model.subject_free:
        return model.zero_shot(new)
    few = _few(new)
    return model.calibrate(few[max(few)]) if few else None


def _uncalibrated(estimator: Estimator) -> Plan:
    """What decided the model's training, before any subject was calibrated."""
    config = dataclasses.replace(estimator.plan_.model_config, calibrated=())
    return dataclasses.replace(estimator.plan_, model_config=config)


def _untrained(estimator: Estimator, parts: Parts) -> Model:
    """The same model as it is before the first step."""
    model = _uncalibrated(estimator).build_model(DataSpec.of(parts.train))
    prepare(model, parts.train, estimator.seed)
    return model.eval()


def _few(new: Sequence[Trials]) -> dict[int, list[Trials]]:
    """Calibration trials of the held-out subjects, by their number, as far as all have so many."""
    if not new or not all("calibration" in set(t.table["split"]) for t in new):
        return {}
    given = [t.part("calibration") for t in new]
    least = min(len(t) for t in given)
    return {count: [t.select(np.arange(count)) for t in given] for count in CALIBRATION_TRIALS if count <= least}


def _shuffled(estimator: Estimator, parts: Parts, kept: Path | None) -> Model:
    """The same model trained in the same way on pairs that do not belong together; taken from the folder where it lies there."""
    plan = _uncalibrated(estimator)
    transforms = (PairingShuffleConfig(), *plan.train.transforms)
    plan = dataclasses.replace(plan, train=dataclasses.replace(plan.train, transforms=transforms))
    folder = None if kept is None else kept / SHUFFLED
    control = Estimator(
        plan.model,
        rule=plan.named_rule,
        objective={"name": plan.objective, **configs.to_dict(plan.objective_config)},
        seed=plan.seed,
        train=plan.train,
        progress=estimator.progress,
        **configs.to_dict(plan.model_config),
    )
    if folder is not None and (folder / "config.yaml").is_file():
        found = Estimator.load(folder)
        if found.plan_ == plan and found.data_["train"] == estimator.data_["train"]:
            return found.model_
    control.fit(parts.train, valid=parts.valid)
    if folder is not None and not folder.exists():
        control.save(folder)
    return control.model_


def _subject(model: Model, trials: Trials, zero_shot: bool) -> AlignedSubject:
    """What a model says of a subject's trials: latents of the activity alone, of what is beside it, and behaviour decoded from the former.

    Rates are inferred with the rest and let go, some trials at a time.
    """
    size = trials_at_a_time(trials)
    signals = trials.of_role("behaviour")
    found: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(trials), size):
        some = trials.select(np.arange(start, min(start + size, len(trials))))
        arrays = model.infer(some, batch_size=size, privileged=model.uses_privileged).arrays()
        for name, values in arrays.items():
            decoded = name.removeprefix("predicted_") in signals
            if name.startswith("latents") or name.endswith("_latents") or decoded:
                found.setdefault(name, []).append(values)
    whole = {name: np.concatenate(values) for name, values in found.items()}
    inside = trials.mask
    beside = {name.removesuffix("_latents"): values for name, values in whole.items() if name.endswith("_latents")}
    return AlignedSubject(
        trials.session,
        trials,
        whole["latents"],
        whole["latents_variance"],
        {name: values for name, values in beside.items() if np.isfinite(values[inside]).all()},
        {name: whole[f"predicted_{name}"] for name in signals if f"predicted_{name}" in whole},
        zero_shot,
    )


def _some(trials: Trials, subjects: int) -> Trials:
    """Evenly spaced training trials of one of so many training subjects, as many as decoders need."""
    most = max(DECODER_TRIALS // subjects, LEAST_TRIALS)
    if len(trials) <= most:
        return trials
    return trials.select(np.linspace(0, len(trials) - 1, most).astype(int))
