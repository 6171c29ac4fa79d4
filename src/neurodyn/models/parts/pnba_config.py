"""The settings of PNBA."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from neurodyn.config import Part, check_choices, check_range, resolve_parts
from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.front_ends.index_convolution import IndexConvolutionConfig
from neurodyn.models.modalities.video import VideoConfig
from neurodyn.models.parts.published_pnba.config import PublishedPNBAConfig

BEHAVIOUR = "behaviour"
"""Name of the modality that all behaviour series make together."""


@dataclass(frozen=True)
class PNBAConfig:
    """Front end, modalities and sizes of PNBA."""

    mode: Literal["default", "release", "paper"] = "default"
    """`default`: as documented here. `release`: the layers and the loss of the public code, trials compared within replicas. `paper`: the same with trials compared over the whole batch. Both take `beside` and `published`, and nothing else of what follows."""
    front_end: Annotated[Any, Part("front_ends")] = field(default_factory=IndexConvolutionConfig)
    """How units enter and leave: index_convolution, unit_read_in or unit_set, with its options."""
    beside: tuple[str, ...] = ()
    """Modalities beside the activity: `behaviour` (all its series together) and stimuli by name. By default behaviour where there is any, else every stimulus. `none` alone makes it a variational autoencoder of the activity."""
    size: int = 8
    """D: latents a bin."""
    hidden: int = 32
    """Channels of the convolutions over time."""
    kernel: int = 5
    """Bins that a convolution over time sees, odd."""
    video: VideoConfig = field(default_factory=VideoConfig)
    """Sizes for a stimulus that is a video."""
    observation: Annotated[Any, Part("observations", optional=True)] = None
    """Likelihood of the population: by default Poisson for spikes, Gaussian for fluorescence."""
    calibrated: tuple[str, ...] = ()
    """Subjects whose encoder is a linear map that was fitted to a few trials in closed form. Set by `calibrate`."""
    lags: int = 5
    """Bins that this map sees, odd."""
    published: PublishedPNBAConfig = field(default_factory=PublishedPNBAConfig)
    """Sizes of the published network."""

    def __post_init__(self) -> None:
        resolve_parts(self, "model")
        check_choices(self, "model")
        for name in ("size", "hidden"):
            check_range(f"model.{name}", getattr(self, name), 1)
        for name in ("kernel", "lags"):
            if getattr(self, name) < 1 or getattr(self, name) % 2 == 0:
                raise InvalidInput(f"model.{name}", getattr(self, name), "an odd number of bins")
        if "none" in self.beside and len(self.beside) > 1:
            raise InvalidInput("model.beside", self.beside, "'none' alone, or names")
        if self.beside == ("none",) and self.mode != "default":
            raise InvalidInput("model.beside", "none", "a second modality in the published modes")


def modalities_beside(config: PNBAConfig, spec: DataSpec) -> tuple[str, ...]:
    """Names of the modalities beside the activity.

    Raises:
        UnknownName: one that no session has.
        InvalidInput: there is none.
    """
    if config.beside == ("none",):
        return ()
    signals = [(name, signal) for session in spec.sessions for name, signal in session.signals.items()]
    behaviour = any(signal.role == "behaviour" and signal.kind == "series" for _, signal in signals)
    stimuli = dict.fromkeys(name for name, signal in signals if signal.role == "stimulus" and signal.bins)
    known = (*([BEHAVIOUR] if behaviour else []), *stimuli)
    if not known:
        fix = "Give trials with behaviour or a stimulus; or model.beside=none, for the activity alone."
        raise InvalidInput("trials", "activity alone", "behaviour or a stimulus to align it with", fix)
    for name in config.beside:
        if name not in known:
            raise UnknownName("modality", name, known)
    return config.beside or ((BEHAVIOUR,) if behaviour else tuple(stimuli))
