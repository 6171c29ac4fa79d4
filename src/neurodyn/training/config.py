"""How a model is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from neurodyn.config import Part, check_choices, check_range, resolve_parts
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained: optimiser, schedule, stopping. Every model may bring its own defaults."""

    epochs: int = 1000
    """Most epochs to run."""
    steps: int | None = None
    """Most steps to run, in whole epochs, at least one; None leaves it to `epochs`."""
    batch_size: int | None = None
    """Trials a step, over all sessions; by default 64, or all trials where there are fewer."""
    sessions: Literal["together", "in_turn"] = "together"
    """`together`: every step has a batch of each session. `in_turn`: of one session, the next step of the next."""
    fresh_trials: bool | None = None
    """Draw new trials for every step, in place of the training trials, which then only say how many steps an epoch has. Empty does so where trials can be drawn: those of tasks."""
    window_bins: int | None = None
    """Train on a window of so many consecutive bins of each trial, its start drawn anew every epoch, for models that take any length; shorter trials whole. Of recordings on disk only these bins are read."""
    parts: int = 1
    """Micro-batches that each batch is cut into, to need less memory: gradients add up to those of the whole batch, comparisons between its trials too."""
    processes: int = 1
    """Processes that share each batch, one a GPU, or one a core on a machine without: gradients add up as for `parts`. They are started for you, unless `torchrun --nproc-per-node N -m neurodyn fit ...` started them."""
    learning_rate: float = 4e-3
    """Highest learning rate."""
    schedule: Literal["constant", "cosine", "hold_cosine", "plateau", "inverse_sqrt", "epoch_cosine"] = "cosine"
    """Learning rate over training: `cosine` falls to 1 % of the highest over `epochs`; `hold_cosine`, PNBA's, holds the highest for the first half of `epochs` and falls to 0.1 % of it in the second; `plateau` shrinks it by 0.95 after `plateau_epochs` without a better validation score; `inverse_sqrt` falls with √(warm-up / epoch) after the warm-up; `epoch_cosine` is NDT's: changed once an epoch, 0 in the first, falling to 0."""
    plateau_epochs: int = 6
    """Epochs without a better validation score after which `plateau` shrinks the learning rate."""
    plateau_floor: float = 0.0
    """Smallest learning rate of `plateau`."""
    warmup_epochs: int = 5
    """Epochs of linear warm-up."""
    warmup_steps: int | None = None
    """Steps of linear warm-up from a third of the highest learning rate, as published for PNBA, instead of `warmup_epochs`."""
    optimizer: Literal["adamw", "adam"] = "adamw"
    """How the weight decay acts: `adamw` shrinks the weights beside the step; `adam` adds it to the gradient, as an L2 penalty would."""
    weight_decay: float = 0.0
    """Weight decay."""
    weight_decay_increase_epochs: int = 0
    """Epochs over which it rises from 0 to that; 0: it is whole from the start."""
    gradient_clip: float = 200.0
    """Largest global L2 norm of the gradient."""
    average_decay: float = 0.0
    """Decay a step (less in the first steps) of an exponential moving average of the weights, used for validation and kept at the end; 0 turns it off."""
    select: Literal["unseen_bps", "loss", "masked_loss", "last"] = "unseen_bps"
    """What stops training and picks the best weights on the validation trials: bits per spike of held-out units and forward bins (of all entries where nothing is held out), the objective, or, as published for NDT, the objective under masks drawn anew every epoch. `last` keeps the last weights, while `unseen_bps` still stops training."""
    transforms: tuple[Annotated[object, Part("transforms")], ...] = ()
    """What training batches go through, before the model's own transforms: names, or mappings with `name` and options. One that the model has too replaces it."""
    patience: int = 100
    """Epochs without a better validation score before training stops."""
    burn_in_epochs: int = 0
    """Epochs before which neither stopping nor the best checkpoint counts (ramps)."""
    max_cpu_s: float | None = None
    """Stop after so many CPU seconds of training, at the end of an epoch."""
    checkpoint_every: int | None = None
    """Also keep weights every so many epochs, in `checkpoints/`."""
    checkpoint_steps: tuple[int, ...] = ()
    """Also keep the weights as they are after so many steps (0: before the first), in `checkpoints/`."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to train."""
    threads: int = 1
    """CPU threads of one training process."""
    tensorboard: bool = False
    """Also write the learning curves for TensorBoard into the run's folder (needs `pip install neurodyn[track]`)."""

    def __post_init__(self) -> None:
        resolve_parts(self, "train")
        check_choices(self, "train")
        check_range("train.epochs", self.epochs, 1)
        check_range("train.learning_rate", self.learning_rate, 0, open_low=True)
        check_range("train.warmup_epochs", self.warmup_epochs, 0)
        if self.warmup_steps is not None:
            check_range("train.warmup_steps", self.warmup_steps, 0)
            if self.schedule == "epoch_cosine":
                raise InvalidInput("train.warmup_steps", self.warmup_steps, "nothing: epoch_cosine counts epochs")
        check_range("train.burn_in_epochs", self.burn_in_epochs, 0)
        check_range("train.plateau_epochs", self.plateau_epochs, 1)
        check_range("train.plateau_floor", self.plateau_floor, 0)
        check_range("train.weight_decay", self.weight_decay, 0)
        check_range("train.weight_decay_increase_epochs", self.weight_decay_increase_epochs, 0)
        check_range("train.gradient_clip", self.gradient_clip, 0, open_low=True)
        check_range("train.average_decay", self.average_decay, 0, 1, open_high=True)
        for name in ("patience", "parts", "processes"):
            check_range(f"train.{name}", getattr(self, name), 1)
        for name in ("steps", "window_bins"):
            if getattr(self, name) is not None:
                check_range(f"train.{name}", getattr(self, name), 1)
        check_range("train.threads", self.threads, 1)
        if self.batch_size is not None:
            check_range("train.batch_size", self.batch_size, 1)
        if self.checkpoint_every is not None:
            check_range("train.checkpoint_every", self.checkpoint_every, 1)
        for step in self.checkpoint_steps:
            check_range("train.checkpoint_steps", step, 0)
        if self.max_cpu_s is not None:
            check_range("train.max_cpu_s", self.max_cpu_s, 0, open_low=True)
