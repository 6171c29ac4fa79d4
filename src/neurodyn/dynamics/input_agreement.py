"""What several fits of the same trials say of the inputs: each for itself, pair by pair, and in words."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodyn.shapes import Array, Float

AGREE, BEYOND, RECOVERED = 0.8, 0.3, 0.8
"""Agreement from which fits are said to agree, gain over the state from which they do so in more than the state, and R² from which true inputs are said to be recovered."""

APART = 0.05
"""Difference of R² from which one circuit's inputs are said to be nearer than another's."""


@dataclass(frozen=True)
class RunInputs:
    """The inferred inputs of one fit."""

    name: str
    group: str
    """What sets it apart from the others, its seed left out."""
    dimensions: int
    used: float
    """Participation ratio of the inputs' covariance on test: how many directions carry them."""
    kl_nats: Mapping[str, float]
    """KL a test trial, by posterior."""
    kl_scale: float | None
    """Weight of the KL in the objective; None where it has none."""
    identified_energy: float | None
    """Var(F(g, u) − F(g, 0)) / Var(g' − g): what the inputs add, beside the state's change. Above 1 where they hold the state against the dynamics' pull; None without dynamics."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """`co_bps`, `rate_r2`, `input_r2_forward`, `input_gain_over_state` where the trials allow them."""
    twins: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """R² and gain over the state of the map to the inputs of each twin: another local circuit that makes the same activity."""

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        twins = {name: {"r2": r2, "gain_over_state": gain} for name, (r2, gain) in self.twins.items()}
        return {**found, "kl_nats": dict(self.kl_nats), "scores": dict(self.scores), "twins": twins}


@dataclass(frozen=True, eq=False)
class InputAgreement:
    """Several fits' inputs: `[i, j]` of every matrix is of the map from fit i's to fit j's inputs, fitted on train and scored on test; NaN on the diagonal."""

    runs: tuple[RunInputs, ...]
    r2: Float[Array, "run run"]
    shuffled: Float[Array, "run run"]
    """The same with fit i's inputs of other trials: what the course that all trials share explains."""
    state: Float[Array, "run run"]
    """The same from fit i's latents of the same bin instead of its inputs."""

    @property
    def gain(self) -> Float[Array, "run run"]:
        """(R² of the inputs − R² of the state) / (1 − R² of the state): what the inputs of i say of those of j beyond i's state."""
        left = 1 - self.state
        return np.asarray(np.where(left > 1e-9, (self.r2 - self.state) / np.maximum(left, 1e-9), 0.0))

    def groups(self) -> dict[str, list[int]]:
        """Places of the fits that differ by their seed alone."""
        found: dict[str, list[int]] = {}
        for i, run in enumerate(self.runs):
            found.setdefault(run.group, []).append(i)
        return found

    def ensembles(self) -> dict[str, dict[str, float]]:
        """Means over ordered pairs of fits of one group, and over pairs of different groups (`between groups`); left out where there is no pair."""
        groups = self.groups()
        pairs = {name: list(itertools.permutations(rows, 2)) for name, rows in groups.items()}
        pairs["between groups"] = [
            (i, j) for one, other in itertools.permutations(groups.values(), 2) for i in one for j in other
        ]
        return {
            name: {
                "pairs": float(len(some)),
                **{
                    what: float(np.mean([getattr(self, what)[i, j] for i, j in some]))
                    for what in ("r2", "shuffled", "state", "gain")
                },
            }
            for name, some in pairs.items()
            if some
        }

    def verdict(self) -> list[str]:
        """What of the inputs is identified, in sentences."""
        said = []
        for name, mean in self.ensembles().items():
            where = "Across groups" if name == "between groups" else f"With {name}" if name else "Over seeds"
            if mean["r2"] < AGREE or mean["r2"] - mean["shuffled"] < BEYOND:
                verdict = "fits do not agree on the inputs: what one infers is not a property of the data"
            elif mean["gain"] < BEYOND:
                verdict = "fits agree, but hardly more than their states do: agreement is no evidence of an input"
            else:
                verdict = "fits agree on the inputs, and beyond what their states tell"
            said.append(
                f"{where}, {verdict} (R² {mean['r2']:.2f} over {mean['pairs']:.0f} maps; other trials {mean['shuffled']:.2f}, state {mean['state']:.2f})."
            )
        silent = [run.name for run in self.runs if run.identified_energy is not None and run.identified_energy < 0.01]
        if silent:
            said.append(
                f"Inputs make less than 1 % of the state's changes in {', '.join(silent)}: the dynamics do without them."
            )
        known = [run for run in self.runs if "input_r2_forward" in run.scores]
        if known:
            best = max(known, key=lambda run: run.scores["input_r2_forward"])
            value, gain = best.scores["input_r2_forward"], best.scores.get("input_gain_over_state", float("nan"))
            enough = "recovered" if value >= RECOVERED and gain >= BEYOND else "not recovered"
            said.append(
                f"The true inputs are {enough}: at best R² {value:.2f} ({best.name}), gain over its state {gain:.2f}."
            )
        said += self._of_twins()
        if len(self.runs) < 2:
            said.append(
                "One fit alone says nothing of what is identified: give others with other seeds, dimensions and KL scales."
            )
        return said

    def _of_twins(self) -> list[str]:
        with_twins = [run for run in self.runs if run.twins]
        if not with_twins:
            return []
        names = list(with_twins[0].twins)
        means = {name: float(np.mean([run.twins[name][0] for run in with_twins])) for name in names}
        listed = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
        nearest = max(means, key=lambda name: means[name])
        text = (
            f"The same activity comes from every one of these circuits under inputs of its own, so that the data identify the class and none of its members; mean R² of "
            f"the inferred inputs with the inputs of {listed}."
        )
        if max(means.values()) - min(means.values()) < APART:
            text += " They hardly differ."
        elif nearest != names[0]:
            text += f" They lie nearest to those of {nearest}, which did not make the data: no fit to activity alone could know."
        return [text]

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "runs": [run.as_mapping() for run in self.runs],
            "agreement": {what: getattr(self, what).tolist() for what in ("r2", "shuffled", "state", "gain")},
            "ensembles": self.ensembles(),
            "verdict": self.verdict(),
        }

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows (one a fit) and the verdict, for people."""
        scores = list(dict.fromkeys(name for run in self.runs for name in run.scores))
        headings = ["run", "group", "inputs", "used", "KL (nats)", "energy", *scores, "agreement"]
        rows = []
        for i, run in enumerate(self.runs):
            others = np.concatenate([np.delete(self.r2[i], i), np.delete(self.r2[:, i], i)])
            energy = "–" if run.identified_energy is None else f"{run.identified_energy:.3f}"
            kl = ", ".join(f"{name} {value:.3g}" for name, value in run.kl_nats.items())
            shown = [f"{run.scores[name]:.3f}" if name in run.scores else "–" for name in scores]
            agreement = f"{others.mean():.2f}" if len(others) else "–"
            rows.append([run.name, run.group, str(run.dimensions), f"{run.used:.2f}", kl, energy, *shown, agreement])
        return "Inferred inputs", headings, rows, " ".join(self.verdict())
