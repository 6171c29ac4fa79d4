"""Which trials a split takes, and where their windows lie on the clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.data.alignment import listed
from neurodyn.data.nlb.clock import NEVER, ms_ns, row_from
from neurodyn.data.nlb.jitter import draw_jitter, most_jitter_ms
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.session import Session
from neurodyn.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of some trials, in the order of the trial table."""

    rows: np.ndarray
    """Row of each trial in the session's table."""
    event_ns: np.ndarray
    """Alignment time, on the session's clock."""
    jitter_bins: np.ndarray
    """How far the window is moved."""
    first: np.ndarray
    """Row of the window's first bin: the first whose left edge does not lie before the window's start."""
    dropped: np.ndarray
    """Rows of trials that have no alignment time."""

    def shifted(self, protocol: Protocol, bin_ms: int, lag_ms: int) -> np.ndarray:
        """Row of the first bin of the windows moved by a lag."""
        return row_from(self.event_ns + ms_ns(self.jitter_bins * bin_ms + protocol.window_ms[0] + lag_ms), bin_ms)


def select(session: Session, protocol: Protocol, bin_ms: int, splits: tuple[str, ...], overlap: bool) -> Windows:
    """Windows of the trials of some splits.

    Args:
        session: the recording.
        protocol: alignment, window, jitter.
        bin_ms: bin width.
        splits: splits of the trials.
        overlap: whether a window may reach into the next one's.

    Raises:
        InvalidInput: no such trial has an alignment time; windows that overlap though they may not.
    """
    split = session.trials["split"].to_numpy(str)
    rows = np.flatnonzero(np.isin(split, splits))
    event = session.times_ns(protocol.align)[rows]
    jitter = np.zeros(len(rows), int)
    if protocol.jitter_ms:
        duration = session.values(protocol.duration)[rows]
        most = most_jitter_ms(duration, split[rows], protocol.observed_ms, protocol.jitter_ms)
        jitter = draw_jitter(most, bin_ms)  # trials without alignment time draw too
    there = event != NEVER
    if not there.any():
        what = f"no trial of split {' or '.join(splits)} with {protocol.align}"
        raise InvalidInput("trials", what, "at least one", "Is it the right file?")
    start = np.where(there, event, 0) + ms_ns(jitter * bin_ms + protocol.window_ms[0])
    first = row_from(start, bin_ms)
    if not overlap:
        _refuse_overlap(session, protocol, bin_ms, rows, there, start, first)
    return Windows(rows[there], event[there], jitter[there], first[there], rows[~there])


def _refuse_overlap(
    session: Session,
    protocol: Protocol,
    bin_ms: int,
    rows: np.ndarray,
    there: np.ndarray,
    start: np.ndarray,
    first: np.ndarray,
) -> None:
    bins, _ = protocol.bins(bin_ms)
    next_start = np.append(session.times_ns("start_time")[1:], NEVER)[rows]
    bound = np.minimum(next_start, np.where(there, start, NEVER))
    late = np.flatnonzero(there[:-1] & (row_from(bound[1:], bin_ms) < first[:-1] + bins))
    if len(late):
        raise InvalidInput(
            protocol.align,
            f"windows that reach into the next trial's in {listed(rows[late])} of the combined table",
            f"{protocol.align} at least {protocol.observed_ms} ms apart",
            "Correct the time, or give one of each two the split 'none'.",
        )
