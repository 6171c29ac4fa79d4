"""Circuits that make the same activity: what a model says, beside each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HEADINGS = ("circuit", "points with data", "found", "false", "distance", "eigenvalue error", "input R²", "pulses R²")


@dataclass(frozen=True)
class Member:
    """One circuit of the class, and how a model compares with it."""

    name: str
    own: bool
    """Whether it is the circuit that the data were simulated by."""
    points: int
    """Its fixed points under the inputs asked about that its trajectories come near."""
    found: int
    """How many of these the model has, at most 0.05 away and of the same stability."""
    false: int
    """Points of the model that data come near and that it does not have."""
    distance: float | None
    """Mean Hausdorff distance of the two sets."""
    eigenvalue_error: float | None
    """Mean over pairs, per bin."""
    input_r2: float | None
    """R² of its inputs by a linear map of the model's, fitted on train, on test; None for a model without inputs."""
    pulses_r2: float | None
    """Mean R² of what pulses do to it; None where pulses cannot be asked about."""

    @property
    def row(self) -> list[str]:
        """For a table, under `HEADINGS`."""
        numbers = (self.distance, self.eigenvalue_error, self.input_r2, self.pulses_r2)
        written = ["–" if n is None else f"{n:.3f}" for n in numbers]
        name = f"{self.name} (behind the data)" if self.own else self.name
        return [name, str(self.points), str(self.found), str(self.false), *written]


@dataclass(frozen=True)
class EquivalenceClass:
    """Circuits between which the recorded activity does not choose."""

    session: str
    members: tuple[Member, ...]

    @property
    def nearest(self) -> Member:
        """The member whose fixed points the model's are: most found, fewest false, then the least distance."""

        def rank(m: Member) -> tuple[float, float]:
            return m.found / max(m.points + m.false, 1), -(m.distance if m.distance is not None else float("inf"))

        return max(self.members, key=rank)

    @property
    def verdict(self) -> str:
        """In words."""
        best = self.nearest
        agree = [m.name for m in self.members if m.points and m.found == m.points and not m.false]
        said = f"The activity is the same for all {len(self.members)} circuits: only what is assumed of their inputs can prefer one. "
        if agree:
            return said + f"The model's points are exactly those of {', '.join(agree)}."
        how = f"{best.found} of {best.points} points, {best.false} false"
        return said + f"The model's points are those of none of them; nearest is {best.name} ({how})."

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows and a note for people."""
        return (
            "Beside circuits that make the same activity",
            list(HEADINGS),
            [m.row for m in self.members],
            self.verdict,
        )

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        members = [{name: getattr(m, name) for name in m.__dataclass_fields__} for m in self.members]
        return {"session": self.session, "members": members, "nearest": self.nearest.name, "verdict": self.verdict}
