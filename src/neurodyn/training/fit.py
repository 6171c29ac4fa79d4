"""The entry to training: a model, trials, an objective and a rule in; the best weights in the model and the run's folder out."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurodyn import registry
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.learning.base import LearningRule
from neurodyn.models.base import Model
from neurodyn.objectives.base import Objective, Step
from neurodyn.training.batches import Batches
from neurodyn.training.config import TrainConfig
from neurodyn.training.interrupt import Interrupt, StopNow, Terminated, interruptible
from neurodyn.training.keys import Stream, key
from neurodyn.training.launch import in_processes
from neurodyn.training.processes import Place, check_processes, join, of_first, place
from neurodyn.training.run import Run
from neurodyn.training.selection import Validation
from neurodyn.training.transforms import prepared_transforms

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from neurodyn.training.module import TrainingModule


@dataclass(frozen=True)
class Fitted:
    """How a training ended."""

    best_score: float
    """Validation score of the weights the model now has."""
    best_epoch: int | None
    """Epoch they are of, counted from 0; None where training was stopped before any counted."""
    epochs: int
    """Epochs run, those before a resume included."""
    cpu_s: float
    """CPU seconds of training."""
    stopped: str
    """`epochs`, `patience`, `max_cpu_s`, `solved`, or `paused` at `until`."""
    history: Sequence[Mapping[str, Any]]
    """One row an epoch, as in `metrics.jsonl`."""


def fit(
    model: Model,
    train: Sequence[Trials],
    valid: Sequence[Trials],
    objective: Objective,
    rule: LearningRule,
    config: TrainConfig | None = None,
    *,
    run: Run | None = None,
    seed: int = 0,
    progress: bool = False,
    resume: bool = False,
    until: int | None = None,
) -> Fitted:
    """Trains a model in place; it ends with the weights of the best validation score, in evaluation mode.

    A resumed run ends with the same weights as an uninterrupted one (bit for bit on a CPU): all randomness is keyed by
    (seed, epoch, step), and `last.ckpt` holds all other state. With `config.processes` above 1 as many processes are started here, unless `torchrun` started them
    already: then each calls this, all end with the same weights, and the first writes the run.

    Args:
        model: built for `DataSpec.of(train)`.
        train, valid: trials of each session, in the same order.
        objective, rule: what is minimised, and how gradients are found.
        config: optimiser, schedule, stopping.
        run: the folder to write; None writes nothing.
        seed: of the order of trials, transforms and posterior samples.
        progress: draw a progress bar on stderr.
        resume: go on from the run's `last.ckpt`, if there is one.
        until: pause after so many epochs, for a later call with `resume`; nothing else that training depends on changes by it.

    Raises:
        InvalidInput: a batch size that does not fit the trials; activity that the likelihood cannot have; a loss that is not finite twice in a row; processes that
            cannot be had.
        KeyboardInterrupt: Ctrl-C was pressed; `last.ckpt` is written and the message says how to go on.
        Terminated: likewise after SIGTERM, the message printed; it ends the process with code 143.
    """
    config = config or TrainConfig()
    device = _device(config.device)
    for sessions in (train, valid):
        model.check(sessions)
    check_processes(config, rule, device)
    whole = objective.whole_batches or not rule.in_parts
    if whole and rule.iterative and max(config.parts, config.processes) > 1:
        name = "parts" if config.parts > 1 else "processes"
        refuses = objective if rule.in_parts else rule
        who = f"{'objective' if rule.in_parts else 'rule'} {registry.name_of(type(refuses))}"
        raise InvalidInput(f"train.{name}", getattr(config, name), f"1 for the {who}", f"Leave train.{name} out.")
    if rule.iterative and config.processes > place().of:
        import neurodyn.training.module  # noqa: F401  (brings Lightning, once for all forks)

        told = dict(run=run, seed=seed, progress=progress, resume=resume, until=until)
        task = functools.partial(_fit_and_tell, model, train, valid, objective, rule, config, **told)
        fitted, weights = in_processes(task, config.processes, config.threads)
        model.load_state_dict(weights)
        model.to(device).eval()
        return fitted
    if device.type == "cuda" and config.processes > 1:
        torch.cuda.set_device(place().local_rank)
    threads = torch.get_num_threads()
    torch.set_num_threads(config.threads)
    devices = [torch.cuda.current_device()] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            if rule.iterative:
                return _learn(model, train, valid, objective, rule, config, device, run, seed, progress, resume, until)
            return _solve(model, train, valid, objective, config, run, seed)
    finally:
        torch.set_num_threads(threads)


def prepare(model: Model, train: Sequence[Trials], seed: int) -> None:
    """Lets a model see the training trials once before the first step, with the randomness of that moment."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key(seed, Stream.WEIGHTS, 1))
        model.prepare(train)


def _solve(
    model: Model,
    train: Sequence[Trials],
    valid: Sequence[Trials],
    objective: Objective,
    config: TrainConfig,
    run: Run | None,
    seed: int,
) -> Fitted:
    start = time.process_time()
    torch.default_generator.manual_seed(key(seed, Stream.STEP))
    model.solve(train, valid)
    model.eval()
    seconds = time.process_time() - start
    terms, score = Validation(valid, config.select, torch.device("cpu"))(model, objective, Step())
    row = {"epoch": 0, "step": 1, "cpu_s": round(seconds, 3), "learning_rate": None}
    row |= {f"valid/{name}": value for name, value in terms.items()} | {"valid/score": score}
    if run is not None:
        run.rewind(0)
        run.append(row)
        run.write_weights(model.state_dict())
        run.write_table()
    return Fitted(score, 0, 1, seconds, "solved", [row])


def _learn(
    model: Model,
    train: Sequence[Trials],
    valid: Sequence[Trials],
    objective: Objective,
    rule: LearningRule,
    config: TrainConfig,
    device: torch.device,
    run: Run | None,
    seed: int,
    progress: bool,
    resume: bool,
    until: int | None,
) -> Fitted:
    here = place() if config.processes > 1 else Place()
    checkpoint = run.checkpoint() if run is not None and resume else None
    if config.window_bins is not None and not model.any_length:
        raise InvalidInput(
            "train.window_bins", config.window_bins, "nothing for a model of trials of one length", "Chop the trials."
        )
    batches = Batches(
        train,
        config.batch_size,
        seed,
        prepared_transforms(model, config.transforms, train),
        device,
        in_turn=config.sessions == "in_turn",
        window_bins=config.window_bins,
        fresh=config.fresh_trials,
        share=(here.rank, here.of),
    )
    if config.steps is not None:
        config = dataclasses.replace(config, epochs=min(config.epochs, max(1, config.steps // batches.steps)))
    last = config.epochs * batches.steps
    if config.checkpoint_steps and max(config.checkpoint_steps) > last:
        late = f"train.checkpoint_steps: {max(config.checkpoint_steps)} is beyond the last step, {last}: no weights are kept there"
        warnings.warn(late, stacklevel=2)
    rule.parts, rule.processes, rule.rank = config.parts, here.of, here.rank
    if checkpoint is None:
        prepare(model, train, seed)
    rule.prepare(model, seed)
    if here.of > 1:
        join(device)
        model.load_state_dict(of_first(model.state_dict()))
    if here.rank:
        run = None  # the first process writes it
    model.to(device).train()
    with _quiet(), interruptible(here.rank == 0) as interrupt:
        from neurodyn.training.module import TrainingModule
        from neurodyn.training.progress import EpochBar

        validation = Validation(valid, config.select, device, seed=seed) if here.rank == 0 else None
        with EpochBar(type(model).__name__, config.epochs, progress and here.rank == 0) as bar:
            module = TrainingModule(
                model, objective, rule, config, batches, validation, seed, run, bar.update, interrupt, until, here
            )
            if checkpoint is not None:
                module.restore(checkpoint)
                if here.of > 1:
                    module.stopped = of_first(module.stopped)
            if run is not None:
                run.rewind(module.epoch)
            if not module.stopped:
                _run_epochs(module, batches.steps, config, device, run, interrupt, here)
    fitted = _finish(module, device, run)
    if interrupt.terminated:  # in the last epoch
        raise _interrupted(run, module.epoch, interrupt)
    return fitted


def _fit_and_tell(model: Model, *asked: Any, **told: Any) -> tuple[Fitted, dict[str, Tensor]]:
    """What one of several processes does for the one that started it: how training ended, and the weights."""
    fitted = fit(model, *asked, **told)
    return fitted, {name: value.cpu() for name, value in model.state_dict().items()}


def _run_epochs(
    module: TrainingModule,
    steps: int,
    config: TrainConfig,
    device: torch.device,
    run: Run | None,
    interrupt: Interrupt,
    here: Place,
) -> None:
    """The epochs that are left. The Trainer iterates over step numbers: the module gets the batches by their place."""
    import pytorch_lightning as lightning
    from pytorch_lightning.callbacks import LambdaCallback

    together: dict[str, Any] = {}
    if here.of > 1:
        from pytorch_lightning.plugins.environments import TorchElasticEnvironment

        from neurodyn.training.summed_ddp import SummedDDP

        together = {"strategy": SummedDDP(), "plugins": [TorchElasticEnvironment()], "num_nodes": here.of // here.local}
    with tempfile.TemporaryDirectory() as elsewhere:
        trainer = lightning.Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=here.local,
            max_epochs=-1,
            logger=_tensorboard(config, run),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
            use_distributed_sampler=False,
            default_root_dir=elsewhere,
            # Lightning takes SIGTERM when its training starts, and would end without a code, whether the epoch is saved or not
            callbacks=[LambdaCallback(on_train_start=lambda *_: interrupt.listen())],
            **together,
        )
        try:
            trainer.fit(module, train_dataloaders=range(steps))
        except StopNow:
            raise _interrupted(run, module.epoch, interrupt) from None
    if module.stopped == "interrupted":
        raise _interrupted(run, module.epoch, interrupt)


def _finish(module: TrainingModule, device: torch.device, run: Run | None) -> Fitted:
    """Leaves the best weights in the model; the last ones where no epoch counted."""
    module.use_best_weights()
    if run is not None:
        run.write_weights(module.model.state_dict())
        run.write_table()
    module.model.to(device).eval()
    score, epoch = module.kept
    return Fitted(
        best_score=score,
        best_epoch=epoch,
        epochs=module.epoch,
        cpu_s=module.cpu_s,
        stopped=module.stopped,
        history=module.rows if run is None else run.history(),
    )


def _interrupted(run: Run | None, epochs: int, interrupt: Interrupt) -> BaseException:
    message = f"stopped after {epochs} epochs; " + (
        "nothing was kept, since no run folder was given"
        if run is None
        else f"go on with `--resume --out {run.path}` (resume=True, out={str(run.path)!r})"
    )
    if not interrupt.terminated:
        return KeyboardInterrupt(message)
    print(message, file=sys.stderr)  # nobody prints the text of an exception that ends the process with a code
    return Terminated()


def _device(wanted: str) -> torch.device:
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise InvalidInput("train.device", "cuda", "a GPU that torch can use", "Use train.device=cpu or auto.")
    return torch.device("cuda" if wanted != "cpu" and available else "cpu")


def _tensorboard(config: TrainConfig, run: Run | None) -> Logger | bool:
    if not config.tensorboard or run is None:
        return False
    from pytorch_lightning.loggers import TensorBoardLogger

    try:
        return TensorBoardLogger(run.path, name=None, version="tensorboard")
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "train.tensorboard", "true, without tensorboard", "tensorboard", "pip install neurodyn[track]"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's notes on devices, loggers and data loaders, none of which applies here."""
    import pytorch_lightning  # noqa: F401  (its import sets the level)

    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric|lightning_utilities)\b")
        try:
            yield
        finally:
            logger.setLevel(level)
