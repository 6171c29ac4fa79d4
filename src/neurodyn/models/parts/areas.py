"""Which units belong to which area."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurodyn.data.spec import SessionSpec
from neurodyn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas of a session in the order in which they first occur, and where their units are in a batch."""

    names: tuple[str, ...]
    heldin: tuple[Tensor, ...]
    """For each area the columns of its held-in units in what an encoder sees, int `(unit,)`."""
    units: tuple[Tensor, ...]
    """For each area the columns of all its units in a batch's target, int `(unit,)`."""

    @property
    def order(self) -> Tensor:
        """From units area by area to a batch's order, int `(unit,)`."""
        return torch.cat(self.units).argsort()

    @property
    def width(self) -> int:
        """Held-in units of the area that has most."""
        return max(len(columns) for columns in self.heldin)

    @staticmethod
    def of(session: SessionSpec, least: int = 1) -> Areas:
        """Reads them off a session's spec.

        Args:
            session: with an area for each unit.
            least: units that an area must have (its factors).

        Raises:
            InvalidInput: units without an area, a single area, or an area with too few units or none that is held in.
        """
        where = f"unit_table of session {session.name!r}"
        if not session.unit_areas:
            fix = "Give the trials a unit_table with a column `area`, or fit lfads."
            raise InvalidInput(where, "no column `area`", "the area of every unit, in a column `area`", fix)
        missing = [i for i, area in enumerate(session.unit_areas) if not area]
        if missing:
            fix = "Name the area of each unit, or leave these units out."
            raise InvalidInput(f"{where}, column `area`", f"nothing for unit {missing[0]}", "an area", fix)
        names = tuple(dict.fromkeys(session.unit_areas))
        if len(names) < 2:
            fix = "Fit lfads to one area."
            raise InvalidInput(f"{where}, column `area`", f"{names[0]} alone", "two areas or more", fix)
        heldin = session.heldin_units or tuple(range(session.heldin))
        order = [*heldin, *(i for i in range(session.units) if i not in set(heldin))]
        columns = {name: [k for k, unit in enumerate(order) if session.unit_areas[unit] == name] for name in names}
        seen = {name: [k for k in found if k < session.heldin] for name, found in columns.items()}
        for name in names:
            if not seen[name]:
                fix = "Hold in at least one unit of each area (heldin=...)."
                raise InvalidInput("heldin", f"no unit of {name}", "units of every area", fix)
            if len(columns[name]) < least:
                fix = "Lower model.factors."
                raise InvalidInput("model.factors", least, f"at most {len(columns[name])}, the units of {name}", fix)
        return Areas(
            names,
            tuple(torch.tensor(seen[name]) for name in names),
            tuple(torch.tensor(columns[name]) for name in names),
        )
