"""What pulses do to trials: the true change of the latents, and the change that a model predicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodyn.shapes import Array, Bool, Float


@dataclass(frozen=True, eq=False)
class PulseResponses:
    """Changes of the true latents by some pulses, trial by trial, from each pulse's first bin on; before it they are 0."""

    session: str
    bin_s: float
    labels: tuple[str, ...]
    """Of the pulses."""
    starts_s: tuple[float, ...]
    durations_s: tuple[float, ...]
    true: Float[Array, "pulse trial time latent"]
    predicted: Float[Array, "pulse trial time latent"]
    true_flips: Bool[Array, "pulse trial"] | None
    """Whether the pulse changed what was chosen; None where nothing is chosen."""
    predicted_flips: Bool[Array, "pulse trial"] | None
    through: str
    """How the pulse was given to the model: `inputs` or `states`."""
    map_r2: float | None
    """R² on the training trials of the map from true inputs to the model's inputs; None through states."""
    simpler: Mapping[str, Float[Array, "pulse trial time latent"]] = field(default_factory=dict)
    """The changes that simpler predictions give, by name."""
    simpler_flips: Mapping[str, Bool[Array, "pulse trial"]] = field(default_factory=dict)

    def r2(self, predicted: Array | None = None) -> Array:
        """1 - Σ|Δ̂ - Δ|² / Σ|Δ|² of each pulse, `(pulse,)`, over trials, bins and latents; no change predicted gives 0."""
        left, whole = squares(self.true, self.predicted if predicted is None else predicted)
        return np.asarray(1 - left.sum(1) / np.maximum(whole.sum(1), 1e-300))

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows and a note for people."""
        headings = ["pulse", "R²", *(f"R², {name.replace('_', ' ')}" for name in self.simpler)]
        columns = [self.r2(), *(self.r2(each) for each in self.simpler.values())]
        rows = [[label, *(f"{column[i]:.3f}" for column in columns)] for i, label in enumerate(self.labels)]
        if self.true_flips is not None and self.predicted_flips is not None:
            headings += ["choices that flip", "predicted"]
            for i, row in enumerate(rows):
                row += [f"{self.true_flips[i].mean():.3f}", f"{self.predicted_flips[i].mean():.3f}"]
        note = (
            f"{self.true.shape[1]} trials, run again with the same noise; given to the model through its {self.through}"
        )
        note += "." if self.map_r2 is None else f", by a map from the true inputs (R² {self.map_r2:.3f} on train)."
        return "What pulses do", headings, rows, note

    def as_mapping(self) -> dict[str, Any]:
        """For JSON: numbers of each pulse, and mean changes over trials."""
        flips = self.true_flips is not None and self.predicted_flips is not None
        r2, beside = self.r2(), {name: self.r2(each) for name, each in self.simpler.items()}
        pulses = []
        for i, label in enumerate(self.labels):
            one: dict[str, Any] = {"pulse": label, "start_s": self.starts_s[i], "duration_s": self.durations_s[i]}
            one |= {"r2": float(r2[i]), "baselines": {name: float(each[i]) for name, each in beside.items()}}
            one |= {"true": self.true[i].mean(0).tolist(), "predicted": self.predicted[i].mean(0).tolist()}
            if flips:
                assert self.true_flips is not None and self.predicted_flips is not None
                one["flips"] = float(self.true_flips[i].mean())
                one["predicted_flips"] = float(self.predicted_flips[i].mean())
            pulses.append(one)
        return {
            "session": self.session,
            "bin_s": self.bin_s,
            "trials": self.true.shape[1],
            "through": self.through,
            "map_r2": self.map_r2,
            "pulses": pulses,
        }


def squares(
    true: Float[Array, "pulse trial time latent"], predicted: Float[Array, "pulse trial time latent"]
) -> tuple[Float[Array, "pulse trial"], Float[Array, "pulse trial"]]:
    """Σ|Δ̂ - Δ|² and Σ|Δ|² of each pulse and trial."""
    return np.square(predicted - true).sum((2, 3)), np.square(true).sum((2, 3))
