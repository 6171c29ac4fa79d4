"""What is scored of an alignment across subjects, and what every measure of it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import pandas as pd

from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measure, Measurement

Kept = TypeVar("Kept")
Group = Literal["subjects", "modalities", "use", "latents", "published"]
ACTIVE_SHARE = 0.01
"""A latent dimension is active where the variance of its posterior mean exceeds this share of its mean posterior variance (Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519)."""
VARIES = 1e-12
"""Variance relative to the mean square below which latents are taken as constant: rounding of float32."""


@dataclass(frozen=True, eq=False)
class AlignedSubject:
    """One subject's trials and what an aligned model says about them.

    Raises:
        InvalidInput: arrays of another number of trials or bins, latents that are not finite inside the mask, variances below zero.
    """

    name: str
    """Name of the subject (its session)."""
    trials: Trials
    """The trials that are scored. Their table's column `stimulus` says what was shown, `condition` what was to be done; missing values pair with nothing."""
    latents: np.ndarray
    """`(trial, time, latent)`: posterior means from activity alone. Whatever stands outside the mask is not looked at."""
    latent_variance: np.ndarray | None = None
    """`(trial, time, latent)`: posterior variances, where the model has them."""
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Latents of the other modalities by name (`behaviour`, or a stimulus' name), posterior means, of the same shape."""
    predicted: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Behaviour signals by name `(trial, time, channel)`, decoded from `latents` by the model's own decoder, in physical units."""
    zero_shot: bool = False
    """Whether no trial of it was trained on. Where there are such subjects, they are what is scored; a model that was calibrated on a few of their other trials is asked about them too."""

    def __post_init__(self) -> None:
        n = len(self.trials)
        if self.latents.ndim != 3 or len(self.latents) != n or not 0 < self.latents.shape[1] <= self.trials.bins:
            raise InvalidInput(
                f"latents of {self.name}", f"shape {self.latents.shape}", f"({n}, up to {self.trials.bins}, latent)"
            )
        more = {} if self.latent_variance is None else {"latent_variance": self.latent_variance}
        for what, values in {"latents": self.latents, **more, **self.beside}.items():
            if values.shape != self.latents.shape:
                raise InvalidInput(
                    f"{what} of {self.name}", f"shape {values.shape}", f"{self.latents.shape}, as the latents"
                )
            bad = self.mask & ~np.isfinite(values).all(-1)
            if bad.any():
                trial, time = (int(i) for i in np.argwhere(bad)[0])
                raise InvalidInput(
                    f"{what} of {self.name}",
                    f"a value that is not finite at trial {trial}, bin {time}",
                    "finite values",
                )
        if self.latent_variance is not None and (self.latent_variance[self.mask] < 0).any():
            raise InvalidInput(f"latent_variance of {self.name}", "a value below zero", "variances")

    @cached_property
    def mask(self) -> np.ndarray:
        """Bool `(trial, time)`: the latents' bins with data."""
        return self.trials.mask[:, : self.latents.shape[1]]

    def labels(self, column: Literal["stimulus", "condition"]) -> np.ndarray:
        """The column as text `(trial,)`; empty where it is missing, or everywhere without such a column."""
        if column not in self.trials.table:
            return np.full(len(self.trials), "", dtype=str)
        found = self.trials.table[column]
        # a column of whole numbers becomes one of floats where a value is missing; labels stay the same
        said = [f"{v:g}" for v in found] if pd.api.types.is_numeric_dtype(found) else found.astype(str)
        return np.where(found.isna(), "", said).astype(str)


@dataclass(frozen=True, eq=False)
class Alignment:
    """What one model, or one baseline, says about several subjects: a row of the report card.

    Raises:
        InvalidInput: no subject, or different numbers of latents.
    """

    subjects: Mapping[str, AlignedSubject]
    """Those scored, by name."""
    training: Mapping[str, AlignedSubject] = field(default_factory=dict)
    """Training subjects with their training trials: what decoders are fitted to."""
    calibration: Mapping[str, Trials] = field(default_factory=dict)
    """Trials of scored subjects that are not scored: what rows that are told the labels of a scored subject may learn from. The model's own numbers do not depend on them."""
    _taught: dict[Any, Any] = field(default_factory=dict, repr=False)
    _kept: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.subjects:
            raise InvalidInput("subjects", "none", "at least one to score")
        widths = {s.latents.shape[2] for s in (*self.subjects.values(), *self.training.values())}
        if len(widths) > 1:
            raise InvalidInput("latents", f"{sorted(widths)} latents", "as many in every subject")

    def with_subjects(self, subjects: Mapping[str, AlignedSubject]) -> Alignment:
        """Other latents of the scored subjects beside the same training subjects: what these taught is not taught again."""
        return Alignment(subjects, self.training, self.calibration, self._taught)

    def taught(self, key: Any, make: Callable[[], Kept]) -> Kept:
        """What `make` learns from the training subjects' active latents, made once for all alignments that share these subjects and dimensions."""
        known = (key, self.active.tobytes())
        if known not in self._taught:
            self._taught[known] = make()
        found: Kept = self._taught[known]
        return found

    def kept(self, key: Any, make: Callable[[], Kept]) -> Kept:
        """What `make` gives, made once: measures share their correlations."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Kept = self._kept[key]
        return found

    @property
    def scored(self) -> list[AlignedSubject]:
        """The zero-shot subjects; all where none is."""
        return [s for s in self.subjects.values() if s.zero_shot] or list(self.subjects.values())

    @property
    def size(self) -> int:
        """Number of latents."""
        return int(next(iter(self.subjects.values())).latents.shape[2])

    @cached_property
    def active(self) -> np.ndarray:
        """Bool `(latent,)`: dimensions that say something, over all scored subjects.

        The variance of the posterior mean over a subject's trials and bins, averaged over subjects, exceeds `ACTIVE_SHARE` of the mean posterior variance.
        Where variances are not known, every dimension that varies.
        """
        subjects = self.scored
        means = [s.latents[s.mask].astype(np.float64) for s in subjects]
        variance = np.mean([m.var(0) for m in means], 0)
        square = np.mean([np.square(m).mean(0) for m in means], 0)
        found = variance > VARIES * square
        if all(s.latent_variance is not None for s in subjects):
            posterior = [
                s.latent_variance[s.mask].mean(0, dtype=np.float64) for s in subjects if s.latent_variance is not None
            ]
            found &= variance > ACTIVE_SHARE * np.mean(posterior, 0)
        return np.asarray(found)

    @property
    def active_said(self) -> str:
        """How many of how many dimensions are active, for a score's context."""
        return f"{int(self.active.sum())} of {self.size} latent dimensions"

    # -- what a bootstrap draw resamples -------------------------------------------------------------------------------

    @property
    def over(self) -> str:
        """What the rows of measurements are: stimuli, where the trials' tables know them, else trials."""
        return "stimuli" if any((s.labels("stimulus") != "").any() for s in self.subjects.values()) else "trials"

    @cached_property
    def rows(self) -> dict[str, np.ndarray]:
        """By subject, the row of each trial `(trial,)`: trials of one stimulus share it; a trial without a stimulus has its own."""
        names = []
        for s in self.subjects.values():
            stimulus = s.labels("stimulus")
            own = np.array([f"\0{s.name}\0{i}" for i in range(len(stimulus))])
            names.append(np.where(stimulus == "", own, stimulus))
        codes = pd.factorize(np.concatenate(names))[0]
        cut = np.cumsum([len(n) for n in names])[:-1]
        return dict(zip(self.subjects, np.split(codes, cut)))


class AlignmentMeasure(Measure):
    """A measure of an alignment across subjects. One file each."""

    group: ClassVar[Group]
    """Where it stands in the report card."""
    warning: ClassVar[str] = ""
    """What must be said wherever its value is shown; empty for measures that can be trusted."""

    @abstractmethod
    def applies(self, alignment: Alignment) -> bool:
        """Whether the subjects hold what it needs: trials that pair, another modality, behaviour, variances."""

    @abstractmethod
    def measure(self, alignment: Alignment) -> Measurement:
        """The measurement. Its rows are the alignment's (`Alignment.over`), as far as the measure looks at them: the same for every model on the same trials."""

    def ceiling(self, alignment: Alignment) -> Measurement | None:
        """What the same latents give when a decoder may learn from the subject itself; None where that has no meaning, or is not asked. It says what the latents hold, not what the subject's activity does."""
        return None
