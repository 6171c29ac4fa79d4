"""What the benchmark fixes for one of its recordings: where it comes from, which windows are cut, what they are scored against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class Release:
    """What one published version of a recording holds. Nothing is built from these numbers; `release.compare` checks files against them."""

    heldin: int
    """Held-in units."""
    heldout: int
    """Held-out units."""
    trials: Mapping[str, int] = field(default_factory=dict)
    """Trials of each split (`train`, `val`, `test`) that are published; a split without a published number is left out."""


@dataclass(frozen=True)
class Protocol:
    """How one recording of the benchmark becomes tensors (Pei et al. 2021, doi:10.48550/arXiv.2109.04463). Times in whole milliseconds.

    Raises:
        InvalidInput: a window that ends before it starts; a masked target without its columns.
    """

    dandiset: str
    """Number of the recording in the DANDI archive, and name of its folder."""
    version: str
    """Published version of that dandiset."""
    subject: str
    """Subject, as in the folder `sub-<subject>`."""
    align: str
    """Column of the trial table with the time windows are aligned to."""
    window_ms: tuple[int, int]
    """Observed window around it."""
    release: Release
    """What the named version holds."""
    session: str = ""
    """Session in the names of the files (`_ses-<session>_`), where the subject has several."""
    forward_ms: int = 200
    """Length of the window that follows the observed one and is predicted."""
    overlap: bool = False
    """Whether windows of training trials may overlap."""
    evaluated_overlap: bool = False
    """Whether windows of evaluated trials may overlap."""
    behaviour: str = ""
    """Name of the behaviour series, where it is a series."""
    behaviour_units: str = ""
    """Its physical unit."""
    lag_ms: int = 0
    """Behaviour is taken so much after the activity."""
    trial_behaviour: tuple[str, ...] = ()
    """Columns of the trial table that stand for behaviour, where there is no series."""
    outlier: str = ""
    """Column that is not 0 for trials that are left out of behaviour and condition averages."""
    psth_conditions: tuple[str, ...] = ()
    """Columns whose values make up a condition; none: no condition averages."""
    psth_sd_ms: int = 0
    """Standard deviation of the Gaussian that spikes are smoothed with before they are averaged."""
    decode_group: str = ""
    """Column whose value says which decoder a trial belongs to."""
    decode_groups: tuple[int, ...] = ()
    """Its values, one decoder each."""
    interval: tuple[str, str] | None = None
    """Columns with start and end of the part of the window that held-out targets and condition averages are limited to; the end is where windows are aligned."""
    duration: str = ""
    """Column with the length of that interval in ms: it bounds the jitter, and is what speed is correlated with."""
    interval_condition: tuple[str, ...] = ()
    """Columns within whose values that correlation is taken."""
    jitter_ms: int = 0
    """Windows are moved later by up to so much, and by no more than leaves the interval inside the window."""

    def __post_init__(self) -> None:
        if not self.window_ms[0] < self.window_ms[1]:
            raise InvalidInput("window_ms", self.window_ms, "a start before the end")
        if bool(self.behaviour) == bool(self.trial_behaviour):
            raise InvalidInput("behaviour", "both or neither of behaviour and trial_behaviour", "one of the two")
        if self.interval is not None and (self.interval[1] != self.align or not self.duration):
            raise InvalidInput("interval", self.interval, f"an interval that ends at {self.align!r}, with duration")
        if bool(self.decode_group) != bool(self.decode_groups):
            raise InvalidInput("decode_groups", self.decode_groups, "values of decode_group")

    @property
    def folder(self) -> str:
        """Folder of its files below a data folder, as the archive's client makes it."""
        return f"{self.dandiset}/sub-{self.subject}"

    @property
    def train_pattern(self) -> str:
        """Pattern of the name of the file with training and validation trials."""
        return f"*{self._session}desc-train*.nwb"

    @property
    def test_pattern(self) -> str:
        """Pattern of the name of the file with test trials."""
        return f"*{self._session}desc-test*.nwb"

    @property
    def _session(self) -> str:
        return f"ses-{self.session}_*" if self.session else ""

    @property
    def observed_ms(self) -> int:
        """Length of the observed window."""
        return self.window_ms[1] - self.window_ms[0]

    def bins(self, bin_ms: int) -> tuple[int, int]:
        """Observed and forward bins of a width.

        Raises:
            InvalidInput: the window or the forward window is not a whole number of bins, or 100 ms is not (files follow one another in steps of 100 ms).
        """
        if bin_ms < 1 or any(length % bin_ms for length in (self.observed_ms, self.forward_ms, 100)):
            raise InvalidInput(
                "bin_s",
                f"{bin_ms / 1000:g}",
                f"a width that divides 100 ms, the {self.observed_ms} ms window and the {self.forward_ms} ms after it",
                "The benchmark scores 0.005 and 0.02.",
            )
        return self.observed_ms // bin_ms, self.forward_ms // bin_ms

    @property
    def train_columns(self) -> tuple[str, ...]:
        """Columns the trial table of the train file must have."""
        named = (
            *self.test_columns,
            *self.psth_conditions,
            self.decode_group,
            *(self.interval or ()),
            self.duration,
            *self.interval_condition,
            *self.trial_behaviour,
            self.outlier,
        )
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def test_columns(self) -> tuple[str, ...]:
        """Columns the trial table of the test file must have."""
        return tuple(dict.fromkeys(("start_time", "stop_time", "split", self.align)))
