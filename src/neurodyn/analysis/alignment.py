"""What a model that aligns subjects says about held-out subjects, and the rows that its report card needs beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn import config as configs
from neurodyn.alignment.base import AlignedSubject, Alignment
from neurodyn.alignment.card import report_card
from neurodyn.alignment.pca_cca import pca_cca
from neurodyn.alignment.population_rate import population_rate
from neurodyn.alignment.trial_pairs import matched_by
from neurodyn.data.transforms.pairing_shuffle import PairingShuffleConfig
from neurodyn.data.trials import Trials
from neurodyn.estimator import Estimator, trials_at_a_time
from neurodyn.metrics.base import Measurement, Score
from neurodyn.models.base import Model
from neurodyn.training.partition import Parts

CALIBRATION_TRIALS = (4, 16, 64)
"""Trials of a new subject that few-shot calibration is tried with."""
DECODER_TRIALS = 256
"""Training trials of a subject that decoders are fitted to, at most."""
SHUFFLED = "shuffled_pairing"


@dataclasses.dataclass(frozen=True, eq=False)
class AlignmentRows:
    """The rows of a report card."""

    rows: Mapping[str, Alignment]
    """The model first, by its name."""
    direct: Mapping[str, Mapping[str, Measurement]]
    """Rows that are no alignments: supervised ceilings."""

    def scores(self, context: Mapping[str, Any], measures: Sequence[str] | None = None) -> list[Score]:
        """A score for every measure that applies (or those named), with all rows as its baselines."""
        return report_card(self.rows, direct=self.direct, measures=measures, context=context)


def aligns(model: Model) -> bool:
    """Whether a model aligns subjects, so that its scores are those of a report card too."""
    return bool(getattr(model, "beside", ()))


def alignment_rows(estimator: Estimator, parts: Parts, kept: Path | None = None) -> AlignmentRows | None:
    """The model's alignment and, beside it: untrained, trained on shuffled pairs, the population's rate, calibrated on 4, 16 and 64 trials, PCA + CCA.

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

    def row(of: Model) -> Alignment:
        return Alignment(
            {t.session: _subject(of, t, t.session in held_out) for t in scored},
            {t.session: _subject(of, _some(t), False) for t in parts.train},
        )

    few = _few(new)
    if model.subject_free or not new:
        rows = {name: row(model.zero_shot(new) if new else model)}
    elif few:
        most = max(few)
        rows = {f"{name}, calibrated_{most}": row(model.calibrate(few.pop(most)))}
    else:
        return None
    first = next(iter(rows.values()))
    if matched_by(first) is None:
        return None
    for label, other in (
        ("untrained", estimator.untrained(parts.train)),
        (SHUFFLED, _shuffled(estimator, parts, kept)),
    ):
        if other.subject_free or not new:
            rows[label] = row(other.zero_shot(new) if new else other)
        else:
            rows[label] = row(other.calibrate(_few(new)[max(_few(new))]))
    rows["population_rate"] = population_rate(first)
    rows |= {f"calibrated_{count}": row(model.calibrate(trials)) for count, trials in few.items()}
    return AlignmentRows(rows, {"pca_cca": pca_cca(first)})


def _few(new: Sequence[Trials]) -> dict[int, list[Trials]]:
    """Calibration trials of the held-out subjects, by their number, as far as all have so many."""
    if not new or not all("calibration" in set(t.table["split"]) for t in new):
        return {}
    given = [t.part("calibration") for t in new]
    least = min(len(t) for t in given)
    return {count: [t.select(np.arange(count)) for t in given] for count in CALIBRATION_TRIALS if count <= least}


def _shuffled(estimator: Estimator, parts: Parts, kept: Path | None) -> Model:
    """The same model trained in the same way on pairs that do not belong together; taken from the folder where it lies there."""
    plan = estimator.plan_
    train = dataclasses.replace(plan.train, transforms=(PairingShuffleConfig(), *plan.train.transforms))
    folder = None if kept is None else kept / SHUFFLED
    control = Estimator(
        plan.model,
        rule=plan.rule,
        objective={"name": plan.objective, **configs.to_dict(plan.objective_config)},
        seed=plan.seed,
        train=train,
        progress=estimator.progress,
        **configs.to_dict(plan.model_config) | {"calibrated": ()},
    )
    if folder is not None and (folder / "config.yaml").is_file():
        found = Estimator.load(folder)
        if found.plan_.train == train and found.data_["train"] == estimator.data_["train"]:
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


def _some(trials: Trials) -> Trials:
    """Evenly spaced training trials, as many as decoders need."""
    if len(trials) <= DECODER_TRIALS:
        return trials
    return trials.select(np.linspace(0, len(trials) - 1, DECODER_TRIALS).astype(int))
