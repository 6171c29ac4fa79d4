"""What a value was measured in: two values are only compared where their settings agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurodyn.data.trials import Trials


@dataclass(frozen=True)
class Setting:
    """What a value was measured in; what a published setting leaves out is not compared."""

    data: str
    """Name of the data set."""
    bin_ms: float
    """Bin width in milliseconds."""
    phase: Literal["val", "test"] | None = None
    """Phase of a benchmark: scored on its validation trials, or on its test trials."""
    release: str | None = None
    """Release of the data, for people; the three counts tell whether ours is the same, and whole."""
    units: int | None = None
    """Held-in and held-out units."""
    train_trials: int | None = None
    """Trials that a model was fitted and chosen on."""
    test_trials: int | None = None
    """Trials that were scored."""

    @staticmethod
    def of(trials: Trials | Sequence[Trials]) -> Setting:
        """The setting of the trials at hand; several sessions count together."""
        sessions = [trials] if isinstance(trials, Trials) else list(trials)
        first, benchmark = sessions[0], dict(sessions[0].provenance.get("benchmark", {}))
        splits = np.concatenate(
            [t.table["split"].to_numpy() if "split" in t.table else ["train"] * len(t) for t in sessions]
        )
        return Setting(
            data=str(benchmark.get("dataset", first.name)),
            bin_ms=round(first.bin_s * 1000, 6),
            phase=benchmark.get("phase"),
            units=sum(t.units for t in sessions),
            train_trials=int(np.isin(splits, ("train", "valid")).sum()),
            test_trials=int((splits == "test").sum()),
        )

    def differences(self, ours: Setting) -> list[str]:
        """What differs between this published setting and ours, in words; nothing where they agree."""
        found = []
        for field in dataclasses.fields(self):
            theirs, mine = getattr(self, field.name), getattr(ours, field.name)
            if field.name != "release" and theirs is not None and theirs != mine:
                found.append(f"{_NAMES[field.name]} {_text(mine)} here, {_text(theirs)} published")
        return found


_NAMES = {
    "data": "data",
    "bin_ms": "bin width in ms",
    "phase": "phase",
    "units": "units",
    "train_trials": "training trials",
    "test_trials": "test trials",
}


def _text(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
