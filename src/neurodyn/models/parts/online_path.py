"""LangevinFlow bin by bin, as counts come in: the same rates as a causal model gives whole trials, with constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from neurodyn.models.langevin_flow import LangevinFlow


class OnlinePath:
    """Where the posterior means of some parallel streams are. Made by `LangevinFlow.online`; the model's weights must not change while it is in use.

    Args:
        model: in evaluation mode, causal, with a decoder that looks at one bin.
        streams: how many run side by side.
    """

    @torch.no_grad()
    def __init__(self, model: LangevinFlow, streams: int = 1) -> None:
        if not model.config.causal:
            raise InvalidInput(
                "model.causal",
                False,
                "true: every bin is inferred from the bins up to it",
                "Fit it with --model.causal.",
            )
        if model.config.decoder == "transformer":
            fix = "Fit it with --model.decoder mlp."
            raise InvalidInput(
                "model.decoder", "transformer", "mlp or linear: it looks at every bin before, so its memory grows", fix
            )
        if model.uses_privileged:
            fix = "Distill it into a student that runs on spikes alone."
            raise InvalidInput(
                "model.behaviour.fusion", "a teacher", "none: behaviour does not come in bin by bin", fix
            )
        if model.training:
            raise InvalidInput("model", "in training mode", "evaluation mode", "Call model.eval() first.")
        self.model, self.streams = model, streams
        self._coefficients, self._force_of = model.coefficients(), model.potential.prepared()
        self._every = torch.ones(streams, 1, dtype=torch.bool, device=model.raw_damping.device)
        self.reset()

    def reset(self) -> None:
        """Forgets everything: the next counts are a first bin."""
        self.bins = 0
        self._memory: Tensor | None = None
        self.state: Tensor | None = None
        """[z ; v] `(stream, 2 dimension)`; None before the first bin."""

    @torch.no_grad()
    def observe(self, counts: Float[Tensor, "stream heldin"]) -> Float[Tensor, "stream unit"]:
        """Takes one bin's counts of the held-in units and gives the rates of all units in that bin, expected counts per bin, held-in units first.

        Raises:
            InvalidInput: other streams or units, values that are not finite, or spike counts below zero.
        """
        model = self.model
        expected = (self.streams, model.spec.only.heldin)
        if tuple(counts.shape) != expected:
            raise InvalidInput("counts", tuple(counts.shape), f"{expected}: stream, held-in unit")
        if not bool(torch.isfinite(counts).all()):
            raise InvalidInput("counts", "values that are not finite", "the activity of one bin")
        if model.read_in.standardise.logarithm and bool((counts < 0).any()):  # fluorescence may be below zero
            raise InvalidInput("counts", "negative values", "spike counts of one bin")
        seen = model.read_in(counts[:, None].to(self._every.device), self._every).transpose(0, 1)
        encoding, self._memory = model.encoder(seen, self._memory)
        if self.state is None:
            (position, velocity), _ = model.start(encoding[0])
            self.state = torch.cat([position, velocity], 1)
        else:
            self._advance(model.drive_of(encoding[0], self.state))
        self.bins += 1
        return self._rates(self.state, encoding[0])

    @torch.no_grad()
    def predict(self, bins: int) -> Float[Tensor, "stream bins unit"]:
        """Rates of the bins to come by the dynamics alone; where the streams are does not change.

        Raises:
            InvalidInput: nothing was observed yet.
        """
        return self.ahead(bins)[0]

    @torch.no_grad()
    def ahead(self, bins: int) -> tuple[Float[Tensor, "stream bins unit"], Float[Tensor, "stream bins state"]]:
        """`predict`, and the states [z ; v] it goes through."""
        if self.state is None:
            raise InvalidInput("bins", "no bin observed", "at least one", "Call observe first.")
        kept = self.state
        none = kept.new_zeros(len(kept), self.model.encoding_width)
        rates, states = [], []
        for _ in range(bins):
            self._advance(None)
            rates.append(self._rates(self.state, none))
            states.append(self.state)
        self.state = kept
        return torch.stack(rates, 1), torch.stack(states, 1)

    def _advance(self, inputs: Tensor | None) -> None:
        assert self.state is not None
        self.state = self.model.advanced(self.state, inputs, self._coefficients, self._force_of)

    def _rates(self, state: Tensor, encoding: Tensor) -> Tensor:
        model = self.model
        parameters = model.readout(model.decoder(state[:, None], encoding[:, None]))[:, 0]
        mean: Tensor = model.observation(model.neural).mean(parameters)
        return mean
