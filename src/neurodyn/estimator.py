"""Any model as an estimator: fit, transform, score. Works with scikit-learn's `clone` and its cross-validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neurodyn import config as configs
from neurodyn.data.inference import Inference, trials_at_a_time
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model
from neurodyn.objectives.base import Step
from neurodyn.objectives.distill import DistillConfig
from neurodyn.training.adaptation import adapt
from neurodyn.training.batches import check_batch_size
from neurodyn.training.config import TrainConfig
from neurodyn.training.fit import Fitted, fit, prepare
from neurodyn.training.naming import model_name
from neurodyn.training.partition import Parts, calibration_trials, joined, origin, partition
from neurodyn.training.plan import Plan
from neurodyn.training.processes import place
from neurodyn.training.run import Run
from neurodyn.training.selection import Validation
from neurodyn.training.teachers import check_folds

if TYPE_CHECKING:
    from sklearn.utils import Tags

Data = Trials | Sequence[Trials] | np.ndarray
"""One session's trials, several sessions', or counts `(trial, time, unit)`."""


class Estimator:
    """A model by name, with everything that decides its training.

    Args:
        model: registered name, or a class of one's own.
        rule: name of a learning rule, or a mapping `{"name": ..., field: value}`; by default the model's.
        objective: name of an objective, or a mapping `{"name": ..., field: value}`; by default the model's.
        seed: of the initial weights, the order of trials and all noise; at least 0.
        train: a `TrainConfig`, or a mapping of the fields that differ from the model's own defaults.
        out: run folder to write; None writes nothing.
        progress: draw a progress bar on stderr.
        resume: go on with a run begun in `out`.
        bin_s: bin width in seconds, for plain arrays of counts.
        config: fields of the model's config, by keyword.
    """

    model_: Model
    """The fitted model."""
    fitted_: Fitted
    """How training ended; its `history` has one row an epoch."""
    plan_: Plan
    """All that decided the training, with every default filled in."""
    parts_: Parts | None
    """Trials it was trained on, validated on, and (where the data had a test split) those put aside; None after `load`."""
    data_: Mapping[str, Any]
    """Where the trials came from (`source`, `options`) and fingerprints of the training and validation trials."""
    run_: Run | None
    """The run's folder; of several processes that `torchrun` started, only the first has it."""

    def __init__(
        self,
        model: str | type[Model] = "lfads",
        *,
        rule: str | Mapping[str, Any] | None = None,
        objective: str | Mapping[str, Any] | None = None,
        seed: int = 0,
        train: TrainConfig | Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        progress: bool = True,
        resume: bool = False,
        bin_s: float | None = None,
        **config: Any,
    ) -> None:
        self.model = model
        self.rule = rule
        self.objective = objective
        self.seed = seed
        self.train = train
        self.out = out
        self.progress = progress
        self.resume = resume
        self.bin_s = bin_s
        self.config = config

    def __repr__(self) -> str:
        given = {k: v for k, v in self.get_params().items() if k != "model" and v not in (None, False)}
        options = "".join(f", {k}={v!r}" for k, v in given.items() if (k, v) not in (("seed", 0), ("progress", True)))
        return f"Estimator({model_name(self.model)!r}{options})"

    # -- scikit-learn's protocol ------------------------------------------------------------------------------------

    _PARAMETERS = ("model", "rule", "objective", "seed", "train", "out", "progress", "resume", "bin_s")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Every argument of the constructor, the model's fields among them."""
        return {name: getattr(self, name) for name in self._PARAMETERS} | self.config

    def set_params(self, **params: Any) -> Estimator:
        """Changes arguments of the constructor."""
        for name, value in params.items():
            if name in self._PARAMETERS:
                setattr(self, name, value)
            else:
                self.config = {**self.config, name: value}
        return self

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False, three_d_array=True),
        )

    # -- the verbs --------------------------------------------------------------------------------------------------

    def fit(self, trials: Data, *, valid: Data | None = None) -> Estimator:
        """Trains on trials. Those of a split called `test` are put aside unseen.

        Args:
            trials: with splits: their `train` part is trained on and their `valid` part validates. Without: all are trained on.
            valid: validation trials. Where neither gives any, one in five training trials validates.

        Raises:
            InvalidInput: an option of the model, objective or training that does not exist; a trial in two splits; a used run folder.
            UnknownName: no such model, objective or rule.
        """
        plan = Plan.of(self.model, self.config, self.objective, self.rule, self.train, self.seed)
        parts = partition(self.as_trials(trials), None if valid is None else self.as_trials(valid), self.seed)
        asked = plan.train  # looked at before a folder is made
        check_batch_size(asked.batch_size, parts.train, asked.sessions == "in_turn", asked.processes)
        spec = DataSpec.of(parts.train)
        model = plan.build_model(spec)
        if parts.unseen and not model.meets_subjects:
            names = ", ".join(repr(t.session) for t in parts.unseen)
            got, fix = f"no training trials in session {names}", "Leave the session out, or use a model such as pnba."
            raise InvalidInput("trials", got, f"some: {plan.model} cannot be asked about a held-out session", fix)
        objective = plan.build_objective(model)
        if isinstance(plan.objective_config, DistillConfig):
            check_folds(plan.objective_config, parts.train)
        data = origin(parts)
        run, first = None, place().rank == 0
        if self.out is not None and first:
            run = Run.create(self.out, resume=self.resume)
            run.begin(plan.record(data, spec))
        elif self.out is not None:
            run = Run(Path(self.out))
        try:
            self.fitted_ = fit(
                model,
                parts.train,
                parts.valid,
                objective,
                plan.build_rule(),
                plan.train,
                run=run,
                seed=self.seed,
                progress=self.progress,
                resume=self.resume,
            )
        except BaseException:  # Ctrl-C before the first checkpoint too
            if run is not None and first:
                run.discard_unless_trained()
            raise
        self.model_, self.plan_, self.parts_, self.data_ = model, plan, parts, data
        self.run_ = run if first else None
        return self

    def adapt(
        self,
        trials: Data,
        *,
        valid: Data | None = None,
        train: TrainConfig | Mapping[str, Any] | None = None,
        seed: int | None = None,
        out: str | Path | None = None,
    ) -> Estimator:
        """This model with new sessions beside those it has; this estimator stays as it is.

        Only what belongs to the new sessions is trained: the maps from and to their units, and their likelihoods' own parameters. All other weights,
        and with them what the model says of the sessions it had, stay bit for bit the same.

        Args:
            trials, valid: of the new sessions, as for `fit`.
            train: fields that differ from the model's own `adaptation_defaults`, or a whole `TrainConfig`.
            seed: of the new maps and their training; by default the model's.
            out: run folder to write, once trained; None writes nothing.

        Raises:
            InvalidInput: a model that stitches no sessions; a session or a unit's name that the model has already; other bins or known inputs.
        """
        seed = self.plan_.seed if seed is None else seed
        trained = self._fitted()
        if not isinstance(train, TrainConfig):
            train = configs.from_dict(
                TrainConfig,
                {**type(trained).training_defaults, **type(trained).adaptation_defaults, **(train or {})},
                "train",
            )
        parts = partition(self.as_trials(trials), None if valid is None else self.as_trials(valid), seed)
        model, plan, fitted = adapt(trained, self.plan_, parts, train, seed, out=out, progress=self.progress)
        found = Estimator(**{**self.get_params(), "seed": seed, "train": train, "out": out, "resume": False})
        found.fitted_, found.model_, found.plan_, found.run_ = fitted, model, plan, None
        found.parts_ = None if self.parts_ is None else self.parts_ + parts
        found.data_ = joined(self.data_, self.plan_.seed, parts, seed)
        if out is not None:
            found.save(out)
        return found

    def zero_shot(self, trials: Data) -> Estimator:
        """This model with subjects that took no part in training; this estimator stays as it is.

        Nothing is trained: of the new subjects' activity only means and scales of their units, and what the front end knows them by, are taken. `transform` and
        `evaluate` do this by themselves.

        Args:
            trials: of the new subjects; all that are given, without their behaviour, tell the units' scales.

        Raises:
            InvalidInput: a model with weights of each subject.
        """
        several = self.as_trials(trials)
        return self._knowing(self._fitted().zero_shot(several))

    def calibrate(self, trials: Data, *, count: int | None = None, out: str | Path | None = None) -> Estimator:
        """This model with new subjects that a few trials with behaviour (or stimulus) tell it; this estimator stays as it is.

        A ridge regression, in closed form: of what the frozen encoder of behaviour says of these trials, on their activity.

        Args:
            trials: of the new subjects. Where they have a split `calibration`, only those trials are used.
            count: trials of each subject, the first ones; all by default.
            out: run folder to write; None writes nothing.

        Raises:
            InvalidInput: fewer trials than `count`; no behaviour in them; a model that cannot be calibrated.
        """
        several = [calibration_trials(each, count) for each in self.as_trials(trials)]
        found = self._knowing(self._fitted().calibrate(several))
        if out is not None:
            found.save(out)
        return found

    def _knowing(self, model: Model) -> Estimator:
        """This estimator with a model that knows more sessions."""
        found = Estimator(**{**self.get_params(), **configs.to_dict(model.config), "out": None, "resume": False})
        found.model_, found.fitted_, found.parts_, found.data_ = model, self.fitted_, self.parts_, self.data_
        found.plan_, found.run_ = dataclasses.replace(self.plan_, model_config=model.config), None
        return found

    def transform(self, trials: Data, samples: int | None = None) -> Inference | list[Inference]:
        """Rates, latents and inputs of trials, seen as the model may see them; memory is bounded by a batch of trials.

        Sessions that a model without weights of a session's own does not know are inferred zero-shot, their units' scales taken from these trials.

        Args:
            trials: one session's trials (one `Inference`) or several sessions' (a list).
            samples: posterior samples to average, for models that have a posterior; by default its mean, once.

        Raises:
            InvalidInput: other units than the model was built for, or sessions it does not know (they are found by their names); it has not been
                fitted.
        """
        model = self._fitted()
        configs.check_range("samples", samples or 0, 0)
        several = self.as_trials(trials)
        known = {session.name for session in model.spec.sessions}
        new = [t for t in several if t.session not in known]
        if new and model.subject_free:
            return self.zero_shot(new).transform(trials, samples)
        found = [model.infer(t, samples=self.draws(t, samples or 0), batch_size=trials_at_a_time(t)) for t in several]
        return found[0] if isinstance(trials, Trials | np.ndarray) else found

    def score(self, trials: Data) -> float:
        """Bits per spike of what the model cannot see (held-out units, forward bins; of everything where it sees all).

        For activity that is not spikes, and for signals, the negative mean log likelihood. Higher is better.
        """
        model = self._fitted()
        device = next((t.device for t in (*model.parameters(), *model.buffers())), torch.device("cpu"))
        objective = self.plan_.untaught().build_objective(model)
        several = self.as_trials(trials)
        places = [model.session_of(each) for each in several]
        return Validation(several, "unseen_bps", device, places=places)(model, objective, Step())[1]

    def draws(self, trials: Trials, samples: int) -> int:
        """`samples` for a model whose passes differ (it has a posterior), else 0: one pass says all."""
        if samples < 2:
            return samples
        model, one = self._fitted(), trials.select([0])
        first, second = (model.infer(one, samples=1, seed=seed).arrays() for seed in (0, 1))
        return 0 if all(np.array_equal(first[name], second[name]) for name in first) else samples

    # -- on disk ----------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Writes a run folder that `load` reads: the config, the weights, the learning curves.

        Raises:
            InvalidInput: the folder is not empty.
        """
        model = self._fitted()
        run = Run.create(path)
        run.begin(self.record())
        for row in self.fitted_.history:
            run.append(row)
        run.write_weights(model.state_dict())
        self.run_ = run
        return run.path

    @staticmethod
    def load(path: str | Path) -> Estimator:
        """A fitted estimator from a run's folder. Its data are not loaded; `neurodyn.evaluate` does so when it needs them.

        Raises:
            InvalidInput: not a run's folder, or one without weights.
        """
        run = Run.open(path)
        plan = run.plan
        found = Estimator(
            plan.model,
            rule=plan.named_rule,
            objective={"name": plan.objective, **configs.to_dict(plan.objective_config)},
            seed=plan.seed,
            train=plan.train,
            **configs.to_dict(plan.model_config),
        )
        rows = run.history()
        counted = [r for r in rows if r["epoch"] >= plan.train.burn_in_epochs and r["valid/score"] is not None]
        best: Mapping[str, Any] = max(counted, key=lambda r: float(r["valid/score"]), default={})
        found.fitted_ = Fitted(
            best_score=float(best.get("valid/score", -np.inf)),
            best_epoch=best.get("epoch"),
            epochs=len(rows),
            cpu_s=rows[-1]["cpu_s"] if rows else 0.0,
            stopped="loaded",
            history=rows,
        )
        found.model_, found.plan_, found.parts_, found.run_ = run.model(), plan, None, run
        found.data_ = run.config["data"]
        return found

    @property
    def train_(self) -> list[Trials] | None:
        """Trials it was trained on, one item a session; None after `load`."""
        return self.parts_.train if self.parts_ else None

    @property
    def valid_(self) -> list[Trials] | None:
        """Trials that stopped training and picked the weights; None after `load`."""
        return self.parts_.valid if self.parts_ else None

    # -- what evaluation needs --------------------------------------------------------------------------------------

    def as_trials(self, trials: Data) -> list[Trials]:
        """What was given as a list of sessions; an array becomes counts with the estimator's `bin_s`.

        Raises:
            InvalidInput: an array without `bin_s`; a name, or anything else that is not trials.
        """
        if isinstance(trials, Trials):
            return [trials]
        if isinstance(trials, str | Path):
            name = repr(str(trials))
            raise InvalidInput("trials", name, "trials", f"Load them first: neurodyn.load({name}).")
        if not isinstance(trials, np.ndarray):
            several = list(trials)
            for each in several:
                if not isinstance(each, Trials):
                    fix = "Trials.from_arrays(counts, bin_s=..., session=...) makes trials of a session's counts."
                    raise InvalidInput("trials", f"a list with a {type(each).__name__}", "a list of trials", fix)
            return several
        if self.bin_s is None:
            raise InvalidInput("bin_s", None, "the bin width of the array in seconds", "Estimator(..., bin_s=0.02).")
        return [Trials.from_arrays(trials, bin_s=self.bin_s)]

    def untrained(self, train: Sequence[Trials]) -> Model:
        """The same model with the same seed as it is before the first training step on these trials."""
        model = self.plan_.build_model(self._fitted().spec)
        prepare(model, train, self.seed)
        return model.eval()

    def record(self) -> dict[str, Any]:
        """What `config.yaml` of its run says."""
        return self.plan_.record(self.data_, self._fitted().spec)

    def _fitted(self) -> Model:
        if not hasattr(self, "model_"):
            raise InvalidInput("estimator", "one that has not been fitted", "a fitted one", "Call fit(trials) first.")
        return self.model_
