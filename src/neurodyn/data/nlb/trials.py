"""A split of the benchmark as `Trials`: what a model is fitted to and scored on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from neurodyn import registry
from neurodyn.config import check_range
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.psth import condition_labels
from neurodyn.data.nlb.tensors import Tensors
from neurodyn.data.psth import PSTH
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput


def to_trials(tensors: Tensors, valid_every: int = 5) -> Trials:
    """Trials of one split, training rows first.

    Counts are `(trial, T + F, unit)` with units in the order of their identifiers; they are 0, and masked, where the benchmark withholds them or
    scores nothing. Behaviour is the signal `velocity` `(trial, T, 2)`, NaN where missing, or the label `timing` `(trial, 5)`.

    Args:
        tensors: one split.
        valid_every: every so many-th training row is for validation (split `valid`); the others are `train`, evaluated rows `test`.

    Raises:
        InvalidInput: held-in counts that are unknown in the observed window of a trial.
    """
    check_range("data.valid_every", valid_every, 2)
    protocol = _protocol(tensors.dataset)
    counts, known = _counts(tensors)
    order = np.argsort(tensors.units)
    heldin = np.sort(tensors.units[: tensors.arrays["train_spikes_heldin"].shape[2]])
    bin_s = tensors.bin_ms / 1000
    signals = {
        "counts": Signal(
            counts[:, :, order], "spikes", "neural", bin_s, "counts/bin", tensors.unit_names, known[:, :, order]
        )
    }
    behaviour = _behaviour(tensors, len(counts))
    if behaviour.ndim == 3:
        units = protocol.behaviour_units if protocol else ""
        signals["velocity"] = Signal(behaviour, "series", "behaviour", bin_s, units)
    else:
        names = protocol.trial_behaviour if protocol else ()
        signals["timing"] = Signal(behaviour, "label", "behaviour", bin_s, names=names)
    return Trials(
        signals=signals,
        mask=np.ones(counts.shape[:2], bool),
        table=_table(tensors, protocol, behaviour, valid_every),
        heldin=heldin,
        forward=tensors.arrays["train_spikes_heldin_forward"].shape[1],
        psth=_psth(tensors, order),
        name=tensors.dataset,
        session=tensors.dataset,
        provenance={
            **tensors.provenance,
            "benchmark": {"dataset": tensors.dataset, "bin_ms": tensors.bin_ms, "phase": tensors.phase},
        },
    )


def _protocol(dataset: str) -> Protocol | None:
    """The protocol of a recording of the benchmark; None for other data in its layout."""
    known = dataset in registry.names("datasets")
    return getattr(registry.load("datasets", dataset), "protocol", None) if known else None


def _counts(tensors: Tensors) -> tuple[np.ndarray, np.ndarray]:
    """Counts and where they are known `(trial, T + F, unit)`, held-in units first."""
    arrays = tensors.arrays
    train, evaluated = arrays["train_spikes_heldin"], arrays["eval_spikes_heldin"]
    rows, observed, held_in = train.shape
    forward, held_out = arrays["train_spikes_heldin_forward"].shape[1], arrays["train_spikes_heldout"].shape[2]
    shape = (rows + len(evaluated), observed + forward, held_in + held_out)
    counts, known = np.zeros(shape, np.uint16), np.zeros(shape, bool)
    for part, where in (("train", slice(0, rows)), ("eval", slice(rows, None))):
        for group, units in (("heldin", slice(0, held_in)), ("heldout", slice(held_in, None))):
            for suffix, bins in (("", slice(0, observed)), ("_forward", slice(observed, None))):
                key = f"{part}_spikes_{group}{suffix}"
                if key not in arrays:
                    continue
                there = ~np.isnan(arrays[key])
                if key == "eval_spikes_heldin" and not there.all():
                    trial, first = np.argwhere(~there)[0][:2]
                    raise InvalidInput(
                        key,
                        f"unknown counts in {int((~there).any((1, 2)).sum())} trials, the first in row {trial}, bin {first}",
                        "held-in counts in every observed bin",
                        "The window leaves what was recorded: compare the observation intervals with the trial's alignment time.",
                    )
                counts[where, bins, units] = np.where(there, arrays[key], 0)
                known[where, bins, units] = there
    return counts, known


def _behaviour(tensors: Tensors, trials: int) -> np.ndarray:
    """Behaviour of all rows, NaN where there is none."""
    train = tensors.arrays["train_behavior"]
    behaviour = np.full((trials, *train.shape[1:]), np.nan, np.float32)
    behaviour[: len(train)] = train
    if "eval_behavior" in tensors.arrays:
        behaviour[len(train) :] = tensors.arrays["eval_behavior"]
    return behaviour


def _table(tensors: Tensors, protocol: Protocol | None, behaviour: np.ndarray, valid_every: int) -> pd.DataFrame:
    """The trial table with the columns that splits, decoders, condition averages and timing measures go by."""
    arrays, rows = tensors.arrays, len(behaviour)
    training = len(arrays["train_spikes_heldin"])
    split = np.full(rows, "test", object)
    split[:training] = "train"
    split[valid_every - 1 : training : valid_every] = "valid"
    columns: dict[str, Any] = {"split": split}
    if "condition" not in tensors.table and "train_cond_idx" in arrays:
        columns["condition"] = _conditions(tensors, training, rows)
    if (protocol and protocol.decode_group) or "train_decode_mask" in arrays:
        columns["decode_group"] = _decode_groups(tensors, protocol)
    elif behaviour.ndim == 3:  # one decoder for all
        columns["decode_group"] = np.zeros(rows, int)
    if "jitter_bins" not in tensors.table and "train_jitter" in arrays:
        columns["jitter_bins"] = np.concatenate([arrays["train_jitter"], arrays["eval_jitter"]]).astype(int)
    if protocol and protocol.duration:
        where = protocol.trial_behaviour.index
        columns["interval_s"] = behaviour[:, where(protocol.duration)].astype(float) / 1000
        values = behaviour[:, [where(name) for name in protocol.interval_condition]]
        columns["interval_condition"] = condition_labels(values.astype(float))
    return tensors.table.reset_index(drop=True).assign(**columns)


def _conditions(tensors: Tensors, training: int, rows: int) -> np.ndarray:
    """Labels of files that only list the rows of each condition: the conditions' numbers."""
    found = np.full(rows, None, object)
    for number, (train, evaluated) in enumerate(zip(tensors.arrays["train_cond_idx"], tensors.arrays["eval_cond_idx"])):
        found[np.concatenate([train, np.asarray(evaluated) + training]).astype(int)] = str(number)
    return found


def _decode_groups(tensors: Tensors, protocol: Protocol | None) -> np.ndarray:
    """Which decoder each row belongs to; -1 for none, or where it is withheld."""
    if protocol is not None and protocol.decode_group in tensors.table:
        given = pd.to_numeric(tensors.table[protocol.decode_group], errors="coerce").to_numpy(float)
        return np.where(np.isin(given, protocol.decode_groups), given, -1).astype(int)
    found = np.full(len(tensors.table), -1)
    masks = [tensors.arrays[key] for key in ("train_decode_mask", "eval_decode_mask") if key in tensors.arrays]
    if masks:
        mask = np.concatenate(masks).astype(bool)
        groups = np.asarray(protocol.decode_groups if protocol else range(mask.shape[1]))
        found[: len(mask)] = np.where(mask.any(1), groups[mask.argmax(1)], -1)
    return found


def _psth(tensors: Tensors, order: np.ndarray) -> PSTH | None:
    """Condition averages, units as in the counts."""
    if "psth" not in tensors.arrays:
        return None
    rates = np.asarray(tensors.arrays["psth"])[:, :, order]
    names = tensors.conditions or map(str, range(len(rates)))
    return PSTH(rates, tuple(names))
