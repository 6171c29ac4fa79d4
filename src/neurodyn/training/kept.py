"""What an analysis says of the weights that a run kept along its training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn.shapes import Array, Float, Int

ALL = "all"
"""Name of all parameters taken together, beside those of the blocks."""


@dataclass(frozen=True, eq=False)
class GradientAlignment:
    """How a rule's gradient stands to the exact one, at the weights of every kept step and on the same trials."""

    FILE: ClassVar = Path("analysis") / "gradient_alignment.json"

    rule: str
    """Name of the rule."""
    steps: Int[Array, " step"]
    """Optimiser steps taken."""
    blocks: tuple[str, ...]
    """Names of the parameters, after `all` of them together."""
    cosine: Float[Array, "step block"]
    """NaN where one of the two gradients is zero."""
    norm: Float[Array, "step block"]
    """Of the rule's gradient."""
    exact_norm: Float[Array, "step block"]
    """Of the exact one."""
    trials: int
    """Trials of the batch."""

    @property
    def angle_deg(self) -> Float[Array, "step block"]:
        """Angle between the two in degrees, 0..180; below 90 is needed for descent, not sufficient."""
        return np.degrees(np.arccos(np.clip(self.cosine, -1, 1)))

    def as_mapping(self) -> dict[str, Any]:
        """For JSON: `{block: {cosine, angle_deg, norm, exact_norm}}`, each a list over steps; null where there is no angle."""
        found = {"cosine": self.cosine, "angle_deg": self.angle_deg, "norm": self.norm, "exact_norm": self.exact_norm}
        of_block = {b: {n: _listed(v[:, i]) for n, v in found.items()} for i, b in enumerate(self.blocks)}
        return {"rule": self.rule, "trials": self.trials, "steps": self.steps.tolist(), "blocks": of_block}

    @staticmethod
    def read(run: Path) -> GradientAlignment | None:
        """What lies in a run's folder; None before the analysis."""
        found = _read(run / GradientAlignment.FILE)
        if found is None:
            return None
        blocks = found["blocks"]
        columns = ("cosine", "norm", "exact_norm")
        cosine, norm, exact = (np.array([each[name] for each in blocks.values()], float).T for name in columns)
        steps = np.array(found["steps"], int)
        return GradientAlignment(found["rule"], steps, tuple(blocks), cosine, norm, exact, found["trials"])


@dataclass(frozen=True, eq=False)
class ErrorsOverTraining:
    """Measures of a task on the same test trials, at the weights of every kept step."""

    FILE: ClassVar = Path("analysis") / "errors_over_training.json"

    steps: Int[Array, " step"]
    """Optimiser steps taken."""
    values: Mapping[str, Float[Array, " step"]]
    """By the measure's name."""
    direction: Mapping[str, Literal["higher", "lower"]]
    """Which way is better, by the measure's name."""
    trials: int
    """Test trials."""
    held_out: bool = True
    """Whether the test trials are others than those of training."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "trials": self.trials,
            "held_out": self.held_out,
            "steps": self.steps.tolist(),
            "measures": {n: {"direction": self.direction[n], "values": _listed(v)} for n, v in self.values.items()},
        }

    @staticmethod
    def read(run: Path) -> ErrorsOverTraining | None:
        """What lies in a run's folder; None before the analysis."""
        found = _read(run / ErrorsOverTraining.FILE)
        if found is None:
            return None
        measures = found["measures"]
        return ErrorsOverTraining(
            np.array(found["steps"], int),
            {name: np.array(each["values"], float) for name, each in measures.items()},
            {name: each["direction"] for name, each in measures.items()},
            found["trials"],
            found["held_out"],
        )


@dataclass(frozen=True, eq=False)
class SimilarityOverTraining:
    """How alike a network's activity is to a reference, at the weights of every kept step and by several measures."""

    FILE: ClassVar = Path("analysis") / "similarity.json"

    reference: str
    """Name of the recording."""
    steps: Int[Array, " step"]
    """Optimiser steps taken."""
    errors: Float[Array, " step"]
    """The task's error on test trials."""
    error_name: str
    measures: Mapping[str, Literal["higher", "lower"]]
    """Label of each measure, and which way says more alike."""
    values: Mapping[str, Float[Array, " step"]]
    """By label, fitted and scored on the same samples."""
    drawn: Mapping[str, Float[Array, "draw step"]]
    """The same in bootstrap draws of conditions and units; those of different runs are of the same conditions and recorded units."""
    baselines: Mapping[str, Mapping[str, float]]
    """By label: what the reference's cross-condition average scores, fitted and scored on the same samples, and others."""
    used_lag_s: float
    """How much later the network is looked at than the reference, from the event that both are aligned to."""
    lags_s: Float[Array, " lag"]
    lags: Mapping[str, Float[Array, " lag"]]
    """By label, at the last kept step."""
    participation_ratio: Float[Array, " step"]
    """Dimension of the activity, (sum of eigenvalues)² / sum of their squares of its covariance."""
    reference_participation_ratio: float

    def as_mapping(self) -> dict[str, Any]:
        """For JSON; numbers that are not finite become null."""
        return {
            "reference": self.reference,
            "steps": self.steps.tolist(),
            "error": {"name": self.error_name, "values": _listed(self.errors)},
            "used_lag_s": self.used_lag_s,
            "lags_s": self.lags_s.tolist(),
            "participation_ratio": {
                "reference": self.reference_participation_ratio,
                "values": _listed(self.participation_ratio),
            },
            "measures": {
                label: {
                    "direction": direction,
                    "values": _listed(self.values[label]),
                    "baselines": dict(self.baselines[label]),
                    "lags": _listed(self.lags[label]),
                    "drawn": [_listed(row) for row in self.drawn[label]],
                }
                for label, direction in self.measures.items()
            },
        }

    @staticmethod
    def read(run: Path) -> SimilarityOverTraining | None:
        """What lies in a run's folder; None before the analysis."""
        found = _read(run / SimilarityOverTraining.FILE)
        if found is None:
            return None
        each: Mapping[str, Any] = found["measures"]
        steps = np.array(found["steps"], int)
        return SimilarityOverTraining(
            found["reference"],
            steps,
            np.array(found["error"]["values"], float),
            found["error"]["name"],
            {label: one["direction"] for label, one in each.items()},
            {label: np.array(one["values"], float) for label, one in each.items()},
            {label: np.array(one["drawn"], float).reshape(-1, len(steps)) for label, one in each.items()},
            {label: one["baselines"] for label, one in each.items()},
            found["used_lag_s"],
            np.array(found["lags_s"], float),
            {label: np.array(one["lags"], float) for label, one in each.items()},
            np.array(found["participation_ratio"]["values"], float),
            found["participation_ratio"]["reference"],
        )


def _listed(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _read(path: Path) -> dict[str, Any] | None:
    return dict(json.loads(path.read_text())) if path.is_file() else None
