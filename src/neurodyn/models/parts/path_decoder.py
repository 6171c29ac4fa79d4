"""From a path to what rates are read from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.errors import InvalidInput
from neurodyn.models.parts.langevin_config import LangevinFlowConfig
from neurodyn.models.parts.transformer import TransformerLayer, context_mask, sinusoids

_HEADS = 2


class PathDecoder(nn.Module):
    """The position (`z`), the velocity too (`zv`), the encoding too (`zvh`), or the encoding alone (`h`) to features of the same width.

    `linear`: as they are. `mlp`: x + W₂ GELU(W₁ x + b₁) + b₂, bin by bin. `transformer`: one post-norm layer over the whole trial, or over the bins up to each (`causal`).

    Args:
        config: which, and its sizes.
        state: width of [z ; v].
        encoding: width of h.

    Raises:
        InvalidInput: a transformer over an odd number of features.
    """

    def __init__(self, config: LangevinFlowConfig, state: int, encoding: int) -> None:
        super().__init__()
        self.config = config
        self.width = {"z": state // 2, "zv": state, "zvh": state + encoding, "h": encoding}[config.decoder_inputs]
        """Of its input and its output."""
        if config.decoder == "mlp":
            self.inwards = nn.Linear(self.width, config.decoder_hidden)
            self.outwards = nn.Linear(config.decoder_hidden, self.width)
        elif config.decoder == "transformer":
            if self.width % _HEADS:
                fix = "Choose an even model.size and model.encoder, or the decoder mlp."
                expected = f"a multiple of {_HEADS}, its attention heads"
                raise InvalidInput("model.decoder", f"transformer over {self.width} features", expected, fix)
            self.layer = TransformerLayer(self.width, _HEADS, config.decoder_hidden, config.dropout, pre_norm=False)

    def forward(self, states: Tensor, encoding: Tensor) -> Tensor:
        """Features `(trial, time, width)`.

        Args:
            states: [z ; v] `(trial, time, 2 dimension)`.
            encoding: h `(trial, observed time, encoding)`; forward bins have none and see zeros.
        """
        seen = self._of_states(states)
        if "h" in self.config.decoder_inputs:
            encoding = F.pad(encoding, (0, 0, 0, states.shape[1] - encoding.shape[1]))
            seen = encoding if self.config.decoder_inputs == "h" else torch.cat([states, encoding], 2)
        if self.config.decoder != "transformer":
            return self._mapped(seen)
        bins = seen.shape[1]
        if self.config.positional == "sinusoidal":
            seen = seen + sinusoids(bins, self.width).to(seen)
        bias = seen.new_zeros(1, bins, bins)
        if self.config.causal:
            bias.masked_fill_(~context_mask(bins, 0, 0).to(bias.device), float("-inf"))
        return self.layer(seen, bias)  # type: ignore[no-any-return]

    def by_bin(self, states: Tensor) -> Tensor:
        """Features `(..., width)` of states alone `(..., 2 dimension)`.

        Raises:
            InvalidInput: a decoder that looks at other bins or at the encoding.
        """
        for name, wanted in (("decoder", ("mlp", "linear")), ("decoder_inputs", ("z", "zv"))):
            if getattr(self.config, name) not in wanted:
                expected = f"{' or '.join(wanted)}: rates of one bin from its latents"
                raise InvalidInput(f"model.{name}", getattr(self.config, name), expected)
        return self._mapped(self._of_states(states))

    def _of_states(self, states: Tensor) -> Tensor:
        return states.narrow(-1, 0, self.width) if self.config.decoder_inputs == "z" else states

    def _mapped(self, x: Tensor) -> Tensor:
        if self.config.decoder == "linear":
            return x
        return x + self.outwards(F.gelu(self.inwards(x)))  # type: ignore[no-any-return]
