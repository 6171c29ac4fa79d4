"""Whether what test subjects were shown was shown to training subjects too."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def stimulus_overlap(training: Sequence[Trials], heldout: Sequence[Trials]) -> pd.DataFrame:
    """Counts stimuli of held-out subjects that occur in training, by their identity (the table's column `stimulus`), never by trial index.

    Args:
        training: trials that models are fitted to: of sessions with splits, their split `train`.
        heldout: trials of the subjects they are tested on.

    Returns:
        One row a held-out session: `session`, `trials`, `stimuli` (different ones), and of both how many occur in training: `trials_seen`, `stimuli_seen`.

    Raises:
        InvalidInput: trials without the column.
    """
    seen: set[str] = set()
    for trials in training:
        stimuli = _stimuli(trials)
        seen.update(stimuli[trials.table["split"] == "train"] if "split" in trials.table else stimuli)
    rows = []
    for trials in heldout:
        stimuli = _stimuli(trials)
        again = stimuli.isin(seen)
        rows.append((trials.session, len(trials), stimuli.nunique(), int(again.sum()), stimuli[again].nunique()))
    return pd.DataFrame(rows, columns=["session", "trials", "stimuli", "trials_seen", "stimuli_seen"])


def _stimuli(trials: Trials) -> pd.Series:
    if "stimulus" not in trials.table:
        raise InvalidInput(
            "stimulus", f"trials of session {trials.session!r} without it", "a column `stimulus`: what was shown"
        )
    return trials.table["stimulus"]
