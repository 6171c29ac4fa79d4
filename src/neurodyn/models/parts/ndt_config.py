"""The settings of NDT."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from neurodyn.config import check_choices, check_range
from neurodyn.data.transforms.masking import MaskingConfig
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig

_MASKING = MaskingConfig(over="entry", ratio=0.4)


@dataclass(frozen=True)
class NDTConfig:
    """Sizes, context, masking and regularisation of NDT."""

    mode: Literal["default", "release", "paper"] = "default"
    """`default`: as documented here. `release`: as released (counts times √width in, held-out units and forward bins as zeros, layers that start as copies of one, log rates from 0). `paper`: the same with layers that start apart and values scaled as T-Fixup has it."""
    layers: int | None = None
    """Transformer layers; by default 2, published 4."""
    width: int | None = None
    """Of the tokens; by default 64 for fewer than 64 held-in units, else 128. In a published mode it is the number of units times `embedding_size`."""
    heads: int = 2
    """Attention heads; they divide the width."""
    feedforward: int = 128
    """Hidden units of every layer's feed-forward map."""
    embedding: Literal["linear", "identity", "lookup"] | None = None
    """How counts become tokens: by default a `linear` map; published also the counts themselves (`identity`, the published default), or a table of counts that all units share (`lookup`)."""
    embedding_size: int = 1
    """Dimensions a unit of a published embedding that is not the identity."""
    largest_count: int = 10
    """Counts above are cut to it (published modes); published: the largest training count and 3."""
    mask_token: bool = False
    """Give masked entries a place of their own in the lookup table, instead of count 0 (published modes)."""
    positions: Literal["learned", "sinusoidal"] = "learned"
    """What is added to tell bins apart."""
    norm: Literal["pre", "post"] = "pre"
    """Where the layer norms stand."""
    final_norm: Literal["layer", "scale"] = "layer"
    """After the last layer: a layer norm, or g · x / ‖x‖ with one trained g."""
    fixup: bool = True
    """Scale the initial weights down with the number of layers."""
    decoder_hidden: int = 0
    """Units of a hidden layer between the last layer and the rates; 0 for none, published 16."""
    log_rates: bool = True
    """Whether the decoder gives log rates; else rates, through a ReLU."""
    context_forward: int | None = None
    """Bins ahead that a bin may attend to; negative for all. By default all, published 4."""
    context_backward: int | None = None
    """Bins back; 0 or less for all. By default all, published 8: then forward bins further than layers × 8 bins ahead see no spikes."""
    dropout: float | None = None
    """Of attention weights, hidden units and both branches of every layer; by default 0.1."""
    embedding_dropout: float | None = None
    """Of the tokens; by default 0.1, published 0.2."""
    rate_dropout: float | None = None
    """Before the decoder; by default 0.1, published 0.2."""
    masking: MaskingConfig = _MASKING
    """What is hidden in training; left as it is, published modes hide a quarter of the bins."""
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    """Behaviour as privileged input: makes it a teacher."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        for name, least in (("layers", 1), ("width", 1), ("heads", 1), ("feedforward", 1), ("embedding_size", 1)):
            if (value := getattr(self, name)) is not None:
                check_range(f"model.{name}", value, least)
        check_range("model.decoder_hidden", self.decoder_hidden, 0)
        check_range("model.largest_count", self.largest_count, 1)
        for name in ("dropout", "embedding_dropout", "rate_dropout"):
            if (value := getattr(self, name)) is not None:
                check_range(f"model.{name}", value, 0, 0.99)
        published = self.mode != "default"
        if not published and self.embedding not in (None, "linear"):
            raise InvalidInput("model.embedding", self.embedding, "linear in mode default", "Set model.mode=release.")
        if self.mask_token and self.embedding != "lookup":
            raise InvalidInput("model.mask_token", True, "false without embedding=lookup")
        if published and self.behaviour.fusion == "add":
            fix = "Set model.behaviour.fusion=concatenate, or model.mode=default."
            raise InvalidInput("model.behaviour.fusion", "add", "concatenate, as published", fix)

    def resolved(self, heldin: int, units: int) -> NDTConfig:
        """With every setting that was left out chosen by mode and number of units.

        Raises:
            InvalidInput: another width than that of the units in a published mode.
        """
        if self.mode == "default":
            chosen: dict[str, Any] = {**_DEFAULT, "width": 64 if heldin < 64 else 128}
        else:
            e = 1 if self.embedding in (None, "identity") else self.embedding_size
            chosen = {**_PUBLISHED, "width": units * e}
            if self.width not in (None, units * e):
                fix = "Leave it out, or set model.embedding_size."
                raise InvalidInput(
                    "model.width", self.width, f"{units * e} in a published mode, as the units have it", fix
                )
        found = dataclasses.replace(self, **{n: v for n, v in chosen.items() if getattr(self, n) is None})
        if self.mode != "default" and self.masking == _MASKING:
            return dataclasses.replace(found, masking=MaskingConfig())
        return found

    def check_heads(self, width: int) -> None:
        """Raises `InvalidInput` for a width that the heads do not divide, or an odd one with sinusoids."""
        if width % self.heads:
            fix = f"Set model.heads to one of {[n for n in range(1, 9) if width % n == 0]}, or embed with a size."
            raise InvalidInput("model.heads", self.heads, f"a divisor of the width, {width}", fix)
        if self.positions == "sinusoidal" and width % 2:
            raise InvalidInput("model.positions", "sinusoidal", f"learned for an odd width, {width}")


_DEFAULT: dict[str, Any] = {
    "layers": 2,
    "embedding": "linear",
    "context_forward": -1,
    "context_backward": 0,
    "dropout": 0.1,
    "embedding_dropout": 0.1,
    "rate_dropout": 0.1,
}
_PUBLISHED: dict[str, Any] = {
    "layers": 4,
    "embedding": "identity",
    "context_forward": 4,
    "context_backward": 8,
    "dropout": 0.1,
    "embedding_dropout": 0.2,
    "rate_dropout": 0.2,
}
