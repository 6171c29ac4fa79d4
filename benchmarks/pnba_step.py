"""One training step of PNBA's published network (forward, the eight terms, backward, AdamW): ours and a plain form of the same layers.

    python benchmarks/pnba_step.py [--config small|published] [--rounds 5] [--json FILE]

There is no public implementation to time: the released training code does not run as it is, since it imports what it never defines. The plain form stands in for it: attention with
its score matrix, two-dimensional bicubic interpolation, one decoder call a reconstruction, and distances over an array of all pairs and entries. Both have the same
weights. Equality of loss and gradients is tested first. `small` takes a laptop a minute or two: widths a quarter of the published ones, 500 units, 4 windows of 16 frames. `published` has
the published widths, with 300 units and 2 windows. Contenders run in interleaved rounds, in rotating order, on one thread, by the process CPU clock; the ratio is the median over rounds.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from interleaved import interleaved, report
from torch import Tensor
from torch.nn import functional as F

from neurodyn.models.parts.gaussians import Gaussian, expected_distance, product
from neurodyn.models.parts.published_pnba.blocks import Attn, Attn3
from neurodyn.models.parts.published_pnba.config import PublishedPNBAConfig
from neurodyn.models.parts.published_pnba.network import PublishedPNBA, Reconstructions
from neurodyn.models.parts.published_pnba.neural_decoder import NeuralOutput
from neurodyn.objectives._matching import matching_losses
from neurodyn.objectives._published_pnba import published_pnba_losses

BINS = 16
SIZES = {
    "small": (PublishedPNBAConfig(projector=32, encoder=16, decoder=32, video_features=(8, 16, 32)), 4, 500),
    "published": (PublishedPNBAConfig(), 2, 300),
}
"""Network, windows a batch, units."""


def plain_attention(block: Attn | Attn3, x: Tensor) -> Tensor:
    query, key, value = block.query_key_value(block.norm(x.flatten(2).transpose(1, 2))).chunk(3, -1)
    weights = (query @ key.transpose(1, 2) * x.shape[1] ** -0.5).softmax(-1)
    return block.out(weights @ value).transpose(1, 2).reshape(x.shape)


def plain_output(output: NeuralOutput, features: Tensor, units: int) -> Tensor:
    image = F.interpolate(features, size=(units, features.shape[3]), mode="bicubic")
    return F.elu(output.layers(image).squeeze(1).transpose(1, 2)) + 1


def plain_distance(a: Gaussian, b: Gaussian) -> Tensor:
    squares = (a.mean.flatten(1)[:, None] - b.mean.flatten(1)).square().sum(2)
    return squares + a.log_variance.exp().flatten(1).sum(1)[:, None] + b.log_variance.exp().flatten(1).sum(1)


class PlainNetwork(PublishedPNBA):
    """The same layers in the plain form."""

    @staticmethod
    def of(network: PublishedPNBA) -> PlainNetwork:
        made = copy.deepcopy(network)
        made.__class__ = PlainNetwork
        for block in made.modules():
            if isinstance(block, Attn | Attn3):
                block.attended = plain_attention.__get__(block)
        made.output.forward = plain_output.__get__(made.output)
        return made

    def forward(self, values: Tensor, video: Tensor) -> Reconstructions:
        x, y = self.encode_neural(values), self.encode_video(video)
        q = product([x, y])
        draws = [part.sample() if self.training else part.mean for part in (q, x, y)]
        rates = [self.decode_neural(latents, values.shape[1]) for latents in (draws[0], draws[2])]
        videos = [self.decode_video(latents) for latents in draws[:2]]
        return Reconstructions(x, y, q, *rates, *videos)


def make_loss(
    network: PublishedPNBA, values: Tensor, video: Tensor, distance: Callable[[Gaussian, Gaussian], Tensor]
) -> Callable[[], Tensor]:
    activity = values.transpose(1, 2).contiguous()

    def loss() -> Tensor:
        found = network(values, video)
        matching = matching_losses(distance(found.video, found.neural), network.scale, network.shift).sum()
        return torch.stack(list(published_pnba_losses(found, activity, video, matching).values())).sum()

    return loss


def make_step(network: PublishedPNBA, loss: Callable[[], Tensor]) -> Callable[[], None]:
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.05, fused=True)

    def step() -> None:
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()

    return step


def differences(ours: PublishedPNBA, plain: PublishedPNBA, values: Tensor, video: Tensor) -> dict[str, float]:
    """Relative difference of the loss, and the largest of the gradients relative to the largest entry of all, with latents at their means and in double precision."""
    found = []
    for network, distance in ((ours, expected_distance), (plain, plain_distance)):
        exact = copy.deepcopy(network).double().eval()
        loss = make_loss(exact, values.double(), video.double(), distance)()
        found.append((loss.item(), torch.autograd.grad(loss, list(exact.parameters()))))
    (mine, gradients), (theirs, expected) = found
    largest = max(gradient.abs().max().item() for gradient in expected)
    apart = max((a - b).abs().max().item() for a, b in zip(gradients, expected))
    return {"loss": abs(mine / theirs - 1), "gradients": apart / largest}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--config", choices=list(SIZES), default="small")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--json", type=Path, help="append the result as one line")
    options = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes, trials, units = SIZES[options.config]
    values, video = torch.rand(trials, units, BINS), torch.rand(trials, BINS, *sizes.frame)
    ours = PublishedPNBA(sizes)
    plain = PlainNetwork.of(ours)
    result: dict[str, Any] = {"config": options.config, "trials": trials, "units": units}
    result |= differences(ours, plain, values, video)
    assert result["loss"] < 1e-10 and result["gradients"] < 1e-8, result
    contenders = {
        "neurodyn": make_step(ours, make_loss(ours, values, video, expected_distance)),
        "plain form": make_step(plain, make_loss(plain, values, video, plain_distance)),
    }
    report(result | interleaved(contenders, options.rounds), options.json)


if __name__ == "__main__":
    main()
