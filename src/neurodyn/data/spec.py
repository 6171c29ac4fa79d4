"""What the data say about sizes. Models are built from this; no one types a dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class SignalSpec:
    """Size of one signal."""

    kind: str
    role: str
    bin_s: float
    shape: tuple[int, ...]
    """Shape of one sample (what follows trial and time)."""
    bins: int
    """Time bins; 0 for a label."""


@dataclass(frozen=True)
class SessionSpec:
    """Sizes of one session."""

    name: str
    signals: dict[str, SignalSpec]
    neural: str | None
    """Name of the population's signal."""
    units: int
    """Units, held-out ones included."""
    heldin: int
    """Units an encoder may see; they come first in a batch."""
    bins: int
    """Bins to reconstruct, forward ones included."""
    forward: int
    """Bins that are predicted, never seen."""
    heldin_units: tuple[int, ...] = ()
    """Which units are held in, in recorded order; empty where that was not recorded."""
    unit_names: tuple[str, ...] = ()
    """Name of each unit, in recorded order; empty where units have none, or only a number each."""
    unit_areas: tuple[str, ...] = ()
    """Area of each unit (column `area` of the unit table), in recorded order, an empty name where it is not known; empty without that column."""

    @property
    def observed_bins(self) -> int:
        """Bins an encoder may see."""
        return self.bins - self.forward

    def width(self, role: str) -> int:
        """Channels of all series with a role together (e.g. behaviour channels)."""
        return sum(s.shape[-1] for s in self.signals.values() if s.role == role and s.kind == "series")

    def check(self, trials: Trials) -> None:
        """Whether trials are such as a model of this session was built for.

        Raises:
            InvalidInput: other units, held-in units or bins.
        """
        for name, got, expected in (
            ("held-in units", len(trials.heldin), self.heldin),
            ("units", trials.units, self.units),
        ):
            if got != expected:
                raise InvalidInput(name, got, f"{expected}, as in the trials this model was built for")
        width = self.signals[self.neural].bin_s if self.neural else trials.bin_s
        if not np.isclose(trials.bin_s, width, rtol=1e-6, atol=0):  # rates are counts per bin, dynamics steps of a bin
            raise InvalidInput(
                "bin_s",
                f"bins of {trials.bin_s:g} s",
                f"{width:g} s, as in the trials this model was built for",
                f"Load them with bin_s={width:g} (--data.bin-s {width:g}).",
            )
        if self.heldin_units and tuple(trials.heldin.tolist()) != self.heldin_units:
            raise InvalidInput(
                "heldin",
                "other held-in units",
                "those this model was built for",
                "Hold out the same units (heldin=...).",
            )
        areas = _unit_areas(trials)
        if self.unit_areas and areas and areas != self.unit_areas:
            raise InvalidInput(
                "unit_table, column `area`", "other areas", "those this model was built for, unit by unit"
            )


@dataclass(frozen=True)
class DataSpec:
    """Sizes of every session."""

    sessions: tuple[SessionSpec, ...]

    @staticmethod
    def of(trials: Trials | Sequence[Trials]) -> DataSpec:
        """Reads the sizes off one session's trials or several sessions'.

        Raises:
            InvalidInput: no session, two sessions of the same name, a unit's name in two sessions, or populations on different clocks.
        """
        several = [trials] if isinstance(trials, Trials) else list(trials)
        if not several:
            raise InvalidInput("sessions", "none", "at least one session's trials")
        return DataSpec(
            tuple(
                SessionSpec(
                    name=t.session,
                    signals={n: SignalSpec(s.kind, s.role, s.bin_s, s.shape, s.bins) for n, s in t.signals.items()},
                    neural=t.neural_name,
                    units=t.units,
                    heldin=len(t.heldin),
                    bins=t.bins,
                    forward=t.forward,
                    heldin_units=tuple(t.heldin.tolist()) if t.neural_name else (),
                    unit_names=_unit_names(t),
                    unit_areas=_unit_areas(t),
                )
                for t in several
            )
        )

    def __post_init__(self) -> None:
        names = [session.name for session in self.sessions]
        if len(set(names)) < len(names):
            raise InvalidInput("session", names, "a different name for each session", "Give each its own: session=...")
        widths = {round(s.signals[s.neural or next(iter(s.signals))].bin_s, 9) for s in self.sessions if s.signals}
        if len(widths) > 1:
            raise InvalidInput(
                "bin_s", sorted(widths), "one bin width for all sessions", "Bin every session with the same bin_ms."
            )
        owner: dict[str, str] = {}
        for session in self.sessions:
            for unit in session.unit_names:
                if owner.setdefault(unit, session.name) != session.name:
                    raise InvalidInput(
                        "unit names",
                        f"unit {unit!r} in the sessions {owner[unit]!r} and {session.name!r}",
                        "other names in every session, whose units are stitched as different ones",
                        f"Rename it, e.g. to {session.name + '/' + unit!r}; or, where it is the same unit, make one session of both.",
                    )

    @property
    def only(self) -> SessionSpec:
        """The one session, for models that take just one.

        Raises:
            InvalidInput: there are several.
        """
        if len(self.sessions) > 1:
            raise InvalidInput("sessions", len(self.sessions), "one session", "This model does not stitch sessions.")
        return self.sessions[0]

    def as_mapping(self) -> dict[str, object]:
        """As plain mappings, for the run folder."""
        return {
            "sessions": [
                {
                    **{k: getattr(s, k) for k in ("name", "neural", "units", "heldin", "bins", "forward")},
                    "heldin_units": list(s.heldin_units),
                    **({"unit_names": list(s.unit_names)} if s.unit_names else {}),
                    **({"unit_areas": list(s.unit_areas)} if s.unit_areas else {}),
                    "signals": {
                        n: {"kind": g.kind, "role": g.role, "bin_s": g.bin_s, "shape": list(g.shape), "bins": g.bins}
                        for n, g in s.signals.items()
                    },
                }
                for s in self.sessions
            ]
        }

    @staticmethod
    def from_mapping(values: Mapping[str, object]) -> DataSpec:
        """The inverse of `as_mapping`."""
        sessions: list[SessionSpec] = []
        for s in values["sessions"]:  # type: ignore[attr-defined]
            signals = {n: SignalSpec(**{**g, "shape": tuple(g["shape"])}) for n, g in s["signals"].items()}
            listed = {name: tuple(s.get(name, ())) for name in ("heldin_units", "unit_names", "unit_areas")}
            sessions.append(SessionSpec(**{**s, "signals": signals, **listed}))
        return DataSpec(tuple(sessions))


def _unit_names(trials: Trials) -> tuple[str, ...]:
    """Names of the units; none where they are the numbers that readers give to units without one."""
    names = trials.neural.names if trials.neural_name else ()
    return () if all(name.isdigit() for name in names) else names


def _unit_areas(trials: Trials) -> tuple[str, ...]:
    """Areas of the units; a missing entry is an empty name."""
    if trials.neural_name is None or "area" not in trials.unit_table:
        return ()
    column = trials.unit_table["area"]
    return tuple("" if missing else str(area).strip() for area, missing in zip(column, column.isna()))
