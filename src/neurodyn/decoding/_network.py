"""How decoders that are networks are trained: small, seeded, stopped early on training trials that are set aside."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.decoding._standard import Standard, standardise
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class NetworkConfig:
    """What decoders that are networks have in common."""

    history_bins: int = 0
    """Previous bins whose latents are looked at too."""
    hidden: int = 64
    """Units of a hidden layer."""
    learning_rate: float = 1e-2
    """Of Adam."""
    weight_decay: float = 1e-3
    """Of AdamW, relative to the learning rate."""
    batch_trials: int = 32
    """Trials a step."""
    epochs: int = 150
    """Passes over the training trials, at most."""
    patience: int = 10
    """Passes without a better validation error after which it stops."""
    valid: float = 0.2
    """Share of the training trials that is set aside for stopping; 0 trains for all passes."""

    def __post_init__(self) -> None:
        check_range("decoder.history_bins", self.history_bins, 0)
        for name in ("hidden", "batch_trials", "epochs", "patience"):
            check_range(f"decoder.{name}", getattr(self, name), 1)
        check_range("decoder.learning_rate", self.learning_rate, 0, open_low=True)
        check_range("decoder.weight_decay", self.weight_decay, 0)
        check_range("decoder.valid", self.valid, 0, 1, open_high=True)


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with the scales of what it was trained on."""

    network: nn.Module
    standard: Standard

    @torch.no_grad()
    def __call__(self, latents: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        inputs = torch.from_numpy(self.standard.inputs(latents, mask)).float()
        return self.standard.behaviour.restored(self.network(inputs).double().numpy())


def train(
    build: Callable[[int, int], nn.Module],
    config: NetworkConfig,
    latents: np.ndarray,
    behaviour: np.ndarray,
    mask: np.ndarray | None,
    seed: int,
) -> TrainedNetwork:
    """Fits a network by the mean squared error of standardised behaviour, and keeps its best state on the trials set aside.

    Args:
        build: makes the network from the numbers of inputs and outputs.
        config: how it is trained.
        latents, behaviour, mask, seed: as in `Decoder.fit`.
    """
    standard, x, y, used = standardise(latents, behaviour, mask, config.history_bins)
    usable = np.flatnonzero(used.any(1))
    aside = round(config.valid * len(usable))
    if config.valid and (aside == 0 or len(usable) - aside < 1):
        raise InvalidInput(
            "decoder.valid", f"{config.valid} of {len(usable)} trials", "a share that leaves trials on both sides"
        )
    order = np.random.default_rng(seed).permutation(usable)
    inputs, targets = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    weight = torch.from_numpy(used).float()[..., None]
    held, kept = torch.from_numpy(order[:aside]), torch.from_numpy(order[aside:])
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        network = build(x.shape[2], y.shape[2])
        optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=config.weight_decay)

        def error(rows: Tensor) -> Tensor:
            squared = (network(inputs[rows]) - targets[rows]).square() * weight[rows]
            mean: Tensor = squared.sum() / (weight[rows].sum() * targets.shape[2])
            return mean

        best, best_state, waited = math.inf, None, 0
        for _ in range(config.epochs):
            network.train()
            for rows in torch.split(kept[torch.randperm(len(kept))], config.batch_trials):
                optimizer.zero_grad(set_to_none=True)
                error(rows).backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
            if not aside:
                continue
            network.eval()
            with torch.no_grad():
                found = float(error(held))
            if found < best:
                best, best_state, waited = found, copy.deepcopy(network.state_dict()), 0
            else:
                waited += 1
                if waited >= config.patience:
                    break
        if best_state is not None:
            network.load_state_dict(best_state)
    return TrainedNetwork(network.eval(), standard)
