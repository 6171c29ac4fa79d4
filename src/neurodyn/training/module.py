"""The training loop's body, as a Lightning module with manual optimisation: a learning rule fills `.grad`, this steps on it."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import Parameter

from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Objective, Step
from neurodyn.training.averaging import Average
from neurodyn.training.batches import Batches
from neurodyn.training.config import TrainConfig
from neurodyn.training.interrupt import Interrupt
from neurodyn.training.keys import seed_step
from neurodyn.training.processes import Place, added_up, of_all, of_first, sum_gradients
from neurodyn.training.run import Run
from neurodyn.training.schedule import Plateau, learning_rate, weight_decay
from neurodyn.training.selection import Validation

Row = dict[str, Any]
ALONE = Place()
SAVING_SHARE = 20
"""`last.ckpt` is written when this many times its own cost has passed since the last one: at most 5 % of the time."""


class TrainingModule(LightningModule):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """One optimiser step, one end of an epoch, and all the state that a resumed run needs.

    The epoch is counted here, not by the Trainer: a resumed run starts a fresh Trainer for the epochs that are left. Of several processes each has its share of every
    batch; gradients and losses are sums over them, the first validates (the others have no `validation` and no `run`), and all decide alike.
    """

    def __init__(
        self,
        model: Model,
        objective: Objective,
        rule: LearningRule,
        config: TrainConfig,
        batches: Batches,
        validation: Validation | None,
        seed: int,
        run: Run | None,
        after_epoch: Callable[[Row, float], None],
        interrupt: Interrupt,
        until: int | None = None,
        place: Place = ALONE,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self._objective, self._rule, self._config, self._batches = objective, rule, config, batches
        self._validation, self._seed, self._run, self._after_epoch = validation, seed, run, after_epoch
        self._interrupt, self._until, self._place = interrupt, until, place
        self.beside = objective.trained
        """What the objective trains beside the model: a module, so that checkpoints hold it."""
        self.rule_kept = rule.trained
        """What the learning rule keeps: likewise."""
        self._parameters_trained = [p for p in model.parameters() if p.requires_grad]
        for kept in (self.beside, self.rule_kept):
            if kept is not None:
                kept.to(next((p.device for p in model.parameters()), None))
                self._parameters_trained += kept.parameters()
        self._optimizer = _optimizer(self._parameters_trained, config)
        self._average = Average(model, config.average_decay) if config.average_decay else None
        self._plateau = Plateau()
        self._sums: dict[str, Tensor] = {}
        self._bad_steps = 0
        self._cpu_before, self._cpu_start, self._cpu_others = 0.0, time.process_time(), 0.0
        self._saved_at, self._saving_cost = -math.inf, 0.0
        self.epoch = 0
        """Epochs finished."""
        self.best_score = -math.inf
        self.best_epoch: int | None = None
        self.best_state: dict[str, Tensor] | None = None
        self.rows: list[Row] = []
        self.stopped = ""
        """Why training ended; empty while it has not."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self._optimizer

    # -- a step -----------------------------------------------------------------------------------------------------

    def training_step(self, index: int) -> None:
        """One optimiser step on the batches at (epoch, index)."""
        step = Step(self.epoch, self.epoch * self._batches.steps + index)
        if step.step == 0:
            self._keep_step(0)
        for transform in self._batches.transforms:
            transform.begin(self.epoch, self._expected)
        batches = self._batches.at(self.epoch, index)
        seed_step(self._seed, self.epoch, index, self._place.rank)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._config, step.step, self._batches.steps, self._plateau.scale)
            group["weight_decay"] = weight_decay(self._config, self.epoch)
        self._optimizer.zero_grad(set_to_none=True)
        losses = self._rule.gradients(self.model, self._objective, batches, step)
        total = losses.total.detach()
        if self._place.of > 1:
            total = sum_gradients(self._parameters_trained, total)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters_trained, self._config.gradient_clip)
        if not math.isfinite(float(total + norm)):
            self._refuse({**losses.terms, "total": total}, norm, step)
        else:
            self._bad_steps = 0
            self._optimizer.step()
            if self._average is not None:
                self._average.update(step.step + 1)
            for name, value in {"total": losses.total.detach(), **losses.terms}.items():
                self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._keep_step(step.step + 1)

    def _keep_step(self, step: int) -> None:
        """Keeps the weights as they are after so many steps, where that was asked for."""
        if self._run is not None and step in self._config.checkpoint_steps:
            self._run.keep(step, self.model, objective=self.beside, rule=self.rule_kept)

    @torch.no_grad()
    def _expected(self, batch: Batch) -> Tensor:
        """The rates that the model expects of a batch, as it would be evaluated now."""
        self.model.eval()
        try:
            with self._average.swapped() if self._average else contextlib.nullcontext():
                output = self.model(batch.observed, batch.privileged if self.model.uses_privileged else None)
        finally:
            self.model.train()
        name = batch.observed.neural_name or ""
        rates: Tensor = self.model.observation(name, batch.observed.session).mean(output.predictions[name])
        return rates

    def _refuse(self, losses: dict[str, Tensor], norm: Tensor, step: Step) -> None:
        """Leaves out a step whose loss or gradient is not finite; the second in a row is an error."""
        self._bad_steps += 1
        if self._bad_steps < 2:
            return
        terms = {**losses, "gradient norm": norm}
        name = next((n for n, v in terms.items() if not math.isfinite(float(v))), "gradient norm")
        raise InvalidInput(
            "training loss",
            f"{name} = {float(terms[name])} in epoch {step.epoch}, step {step.step}, for 2 steps in a row",
            "a finite loss",
            "Lower train.learning_rate or train.gradient_clip, or look for extreme values with `neurodyn data check`.",
        )

    # -- the end of an epoch ----------------------------------------------------------------------------------------

    def on_train_epoch_end(self) -> None:
        """Validates, keeps the best weights, writes the row and the checkpoint, and decides whether to go on."""
        with self._average.swapped() if self._average else contextlib.nullcontext():
            terms, score = self._validated()
            self._keep_weights(score)
        self._plateau.saw(score, self._config.plateau_epochs)
        self._write_row(terms, score)
        self.epoch += 1
        self._decide()
        self._after_epoch(self.rows[-1], self.best_score)
        self.trainer.should_stop = bool(self.stopped)

    def _validated(self) -> tuple[dict[str, float], float]:
        """Loss terms and score of the validation trials."""
        found = None
        if self._validation is not None:
            found = self._validation(self.model, self._objective, Step(self.epoch, self._steps))
        if self._place.of > 1:
            found = of_first(found)
        assert found is not None
        return found

    def _decide(self) -> None:
        """Whether to stop, and why; writes the checkpoint where it is time to. The clock of the first process counts, and a signal to any."""
        self.stopped, due, pressed = self.reason_to_stop(), self._due(), self._interrupt.pressed
        if self._place.of > 1:
            everyone = of_all((self.stopped, due, pressed, self._interrupt.terminated))
            self.stopped, due = everyone[0][:2]
            pressed = any(each[2] for each in everyone)
            if any(each[3] for each in everyone):  # only ever set: a signal may have come since
                self._interrupt.terminated = True
        if not self.stopped and pressed:
            self.stopped = "interrupted"
        if self.stopped or due:
            self._save()

    def _keep_weights(self, score: float) -> None:
        better = self.epoch >= self._config.burn_in_epochs and score > self.best_score
        if better:
            self.best_score, self.best_epoch = score, self.epoch
        if better or self._config.select == "last":
            self.best_state = copy.deepcopy(self.model.state_dict())
            if self._run is not None:
                self._run.write_weights(self.best_state)
        every = self._config.checkpoint_every
        if self._run is not None and every and (self.epoch + 1) % every == 0:
            self._run.keep(self._steps, self.model, objective=self.beside, rule=self.rule_kept)

    def _write_row(self, terms: dict[str, float], score: float) -> None:
        sums = {name: float(value) for name, value in self._sums.items()}
        if self._place.of > 1:
            everyone = of_all((sums, time.process_time() - self._cpu_start))
            sums = added_up([each for each, _ in everyone])
            self._cpu_others = sum(seconds for rank, (_, seconds) in enumerate(everyone) if rank != self._place.rank)
        row: Row = {
            "epoch": self.epoch,
            "step": self._steps,
            "cpu_s": round(self.cpu_s, 3),
            "learning_rate": self._optimizer.param_groups[0]["lr"],
        }
        row |= {f"train/{name}": value / self._batches.steps for name, value in sums.items()}
        row |= {f"valid/{name}": value for name, value in terms.items()}
        row["valid/score"] = score
        self._sums = {}
        self.rows.append(row)
        if self._run is not None:
            self._run.append(row)
        if self.logger is not None:
            numbers = {name: float(value) for name, value in row.items() if name not in ("epoch", "step")}
            self.logger.log_metrics(numbers, step=self._steps)

    def reason_to_stop(self) -> str:
        """Why training is over after the epochs done so far; empty when it is not."""
        if self._until is not None and self.epoch >= self._until:
            return "paused"
        if self.epoch >= self._config.epochs:
            return "epochs"
        if self._config.max_cpu_s is not None and self.cpu_s >= self._config.max_cpu_s:
            return "max_cpu_s"
        since = self._config.burn_in_epochs - 1 if self.best_epoch is None else self.best_epoch
        return "patience" if self.epoch - 1 - since >= self._config.patience else ""

    @property
    def kept(self) -> tuple[float, int | None]:
        """Validation score and epoch of the weights that are kept."""
        if self._config.select == "last" and self.rows:
            return float(self.rows[-1]["valid/score"]), self.epoch - 1
        return self.best_score, self.best_epoch

    @property
    def cpu_s(self) -> float:
        """CPU seconds of training so far, those before a resume and of other processes included."""
        return self._cpu_before + time.process_time() - self._cpu_start + self._cpu_others

    @property
    def _steps(self) -> int:
        """Steps taken by the end of this epoch."""
        return (self.epoch + 1) * self._batches.steps

    # -- the checkpoint ---------------------------------------------------------------------------------------------

    def _due(self) -> bool:
        """Whether a checkpoint has cost little of the time since the last one."""
        return self._run is not None and time.monotonic() - self._saved_at >= SAVING_SHARE * self._saving_cost

    def _save(self) -> None:
        start = time.monotonic()
        if self._run is not None:
            self._run.write_checkpoint(self.trainer.save_checkpoint)
        elif self._place.of > 1:
            self.trainer.strategy.barrier()  # as saving does
        self._saved_at = time.monotonic()
        self._saving_cost = self._saved_at - start

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["neurodyn"] = {
            "epoch": self.epoch,
            "best_score": self.best_score,
            "best_epoch": self.best_epoch,
            "best_state": self.best_state,
            "average": None if self._average is None else self._average.values,
            "plateau": vars(self._plateau),
            "bad_steps": self._bad_steps,
            "cpu_s": self.cpu_s,
        }

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Takes up where a checkpoint was written; call before the Trainer starts.

        The settings are this run's: the checkpoint may be another's, written with other ones.
        """
        self.load_state_dict(checkpoint["state_dict"])
        self._optimizer.load_state_dict(checkpoint["optimizer_states"][0])
        state = checkpoint["neurodyn"]
        self.epoch, self._bad_steps, self._cpu_before = state["epoch"], state["bad_steps"], state["cpu_s"]
        self.best_score, self.best_epoch = state["best_score"], state["best_epoch"]
        self.best_state = state["best_state"]
        self._plateau = Plateau(**state["plateau"])
        if self._average is not None:
            self._average.restore(state["average"])
        self.stopped = self.reason_to_stop()

    def use_best_weights(self) -> None:
        """Leaves the best weights in the model; the last (averaged) ones where no epoch counted."""
        if self.best_state is not None:
            self.model.load_state_dict(self.best_state)
        elif self._average is not None:
            self._average.use()


def _optimizer(parameters: list[Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser; learning rate and weight decay are set before every step."""
    if not parameters:
        raise InvalidInput("model", "no trainable parameter", "at least one", "Use the rule closed_form.")
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    try:
        return kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
    except RuntimeError:  # this torch has no fused step for this device
        return kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
