"""Training in several processes: which of them this is, what is refused, and what they tell each other."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Parameter

from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.training.config import TrainConfig

T = TypeVar("T")
WAIT = timedelta(hours=6)
"""Longest wait for another process: the first one validates while the others wait."""


@dataclass(frozen=True)
class Place:
    """Which of the processes that train together this is."""

    rank: int = 0
    """Of all; 0 validates and writes."""
    of: int = 1
    """Processes."""
    local_rank: int = 0
    """Of those on this machine: its GPU."""
    local: int = 1
    """Processes on this machine."""


def place() -> Place:
    """As `torchrun` says in the environment; the only one where nobody says anything."""
    if not {"RANK", "WORLD_SIZE"} <= set(os.environ):
        return Place()
    rank, of = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    return Place(rank, of, int(os.environ.get("LOCAL_RANK", rank)), int(os.environ.get("LOCAL_WORLD_SIZE", of)))


def check_processes(config: TrainConfig, rule: LearningRule, device: torch.device) -> None:
    """Raises `InvalidInput` where so many processes cannot train: a rule without steps, too few GPUs, others started than asked for."""
    wanted, here = config.processes, place()
    if not rule.iterative:
        if wanted > 1:
            fix = "Leave train.processes out."
            raise InvalidInput("train.processes", wanted, "1 for a rule that solves for the parameters", fix)
        return
    if here.of not in (1, wanted):
        fix = f"Give train.processes={here.of}, or torchrun another --nproc-per-node."
        raise InvalidInput("train.processes", wanted, f"{here.of}, the processes that torchrun has started", fix)
    if wanted == 1:
        return
    if not dist.is_available():
        fix = "Install a torch that is built with it, or train in one process with train.parts to need less memory."
        raise InvalidInput("train.processes", wanted, "1: this torch comes without torch.distributed", fix)
    if device.type == "cuda":
        gpus, local = torch.cuda.device_count(), wanted if here.of == 1 else here.local
        if local > gpus:
            fix = "Give fewer, or train on the CPU with train.device=cpu."
            raise InvalidInput("train.processes", local, f"at most {gpus}, the GPUs of this machine", fix)


def join(device: torch.device) -> None:
    """Meets the other processes, once in the life of this one."""
    if dist.is_initialized():
        return
    nccl = device.type == "cuda" and dist.is_nccl_available()
    dist.init_process_group("nccl" if nccl else "gloo", timeout=WAIT)
    if nccl:
        atexit.register(dist.destroy_process_group)


def of_first(value: T) -> T:
    """What the first process has."""
    found = [value]
    dist.broadcast_object_list(found)
    return found[0]


def of_all(value: T) -> list[T]:
    """What each process has, by rank."""
    found: list[T] = [value] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return found


def added_up(values: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Sums of the values of each name.

    >>> added_up([{"total": 1.0}, {"total": 2.0, "kl": 0.5}])
    {'total': 3.0, 'kl': 0.5}
    """
    names = dict.fromkeys(name for each in values for name in each)
    return {name: sum(each.get(name, 0.0) for each in values) for name in names}


@torch.no_grad()
def sum_gradients(parameters: Sequence[Parameter], loss: Tensor) -> Tensor:
    """Adds up the gradients of all processes in place, and their losses, in one message.

    A parameter that has no gradient in some process counts as zero there; one that has none anywhere keeps none, so that optimisers pass it by.

    Args:
        parameters: the same in every process.
        loss: this process's share, a scalar.

    Returns:
        The sum of the losses.
    """
    has = torch.tensor([parameter.grad is not None for parameter in parameters])
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    rest = torch.cat([has.to(loss), loss.detach().reshape(1)])
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), rest])
    dist.all_reduce(flat)
    sizes = [*(parameter.numel() for parameter in parameters), len(parameters), 1]
    *sums, somewhere, total = flat.split(sizes)  # type: ignore[no-untyped-call]
    for parameter, value, known in zip(parameters, sums, (somewhere > 0).tolist()):
        parameter.grad = value.view_as(parameter).to(parameter.dtype) if known else None
    return total.squeeze(0)  # type: ignore[no-any-return]
