"""One of several classes in every bin."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from neurodyn.observations.base import Observation


class Categorical(Observation):
    """One-hot classes y over the channels, of probability softmax(parameters): loss of a channel -y log p, their sum the cross-entropy."""

    takes = "one-hot classes (0 or 1)"
    otherwise = "Give one channel a class, 1 where it is the right one."

    def negative_log_likelihood(
        self, parameters: Float[Tensor, "*shape parameter"], values: Float[Tensor, "*shape"], constant: bool = False
    ) -> Float[Tensor, "*shape"]:
        return -values * functional.log_softmax(parameters.squeeze(-1), dim=-1)

    def mean(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        return parameters.squeeze(-1).softmax(-1)

    def sample(self, parameters: Float[Tensor, "*shape parameter"]) -> Float[Tensor, "*shape"]:
        probability = self.mean(parameters)
        drawn = torch.multinomial(probability.reshape(-1, probability.shape[-1]), 1)
        found: Tensor = functional.one_hot(drawn.squeeze(1), probability.shape[-1]).to(probability)
        return found.reshape(probability.shape)

    def from_mean(self, mean: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape parameter"]:
        return mean.clamp_min(torch.finfo(mean.dtype).tiny).log().unsqueeze(-1)

    def accepts(self, values: Float[Tensor, "*shape"]) -> Bool[Tensor, "*shape"]:
        return (values == 0) | (values == 1)
