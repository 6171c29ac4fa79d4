"""Small tensors of the benchmark, made by hand: every key, with random counts."""

import numpy as np
import pandas as pd

from neurodyn.data.nlb.tensors import Tensors


def benchmark_tensors(dataset="mc_maze_small", bin_ms=20, phase="val", seed=0):
    """12 training and 5 evaluated trials of 8 + 3 bins, 6 held-in and 2 held-out units in mixed order."""
    rng = np.random.default_rng(seed)
    train, evaluated, bins, forward, heldin, heldout = 12, 5, 8, 3, 6, 2

    def counts(*shape):
        return rng.poisson(0.7, shape).astype(np.float32)

    arrays = {}
    for part, trials in (("train", train), ("eval", evaluated)):
        for group, units in (("heldin", heldin), ("heldout", heldout)):
            arrays[f"{part}_spikes_{group}"] = counts(trials, bins, units)
            arrays[f"{part}_spikes_{group}_forward"] = counts(trials, forward, units)
        arrays[f"{part}_behavior"] = rng.normal(size=(trials, bins, 2)).astype(np.float32)
        arrays[f"{part}_behavior"][1, -2:] = np.nan
        arrays[f"{part}_cond_idx"] = tuple(np.arange(k, trials, 3, dtype=np.int32) for k in range(3))
    arrays["psth"] = rng.uniform(size=(3, bins, heldin + heldout)).astype(np.float32)
    arrays["psth"][2, 6:] = np.nan
    if dataset == "area2_bump":
        for part, trials in (("train", train), ("eval", evaluated)):
            arrays[f"{part}_decode_mask"] = (np.arange(trials)[:, None] % 2) == np.arange(2)
    if dataset == "dmfc_rsg":
        for part, trials in (("train", train), ("eval", evaluated)):
            arrays[f"{part}_behavior"] = rng.normal(size=(trials, 5)).astype(np.float32)
            arrays[f"{part}_jitter"] = rng.integers(0, 3, trials)
        arrays["eval_spikes_heldout_whole"] = arrays["eval_spikes_heldout"].copy()
        arrays["eval_spikes_heldout"][:, :3] = np.nan
    if phase == "test":
        withheld = [k for k in arrays if k.startswith("eval_") and k != "eval_spikes_heldin"]
        for key in [*withheld, "psth", "train_cond_idx", "train_decode_mask", "train_jitter"]:
            arrays.pop(key, None)
    splits = ["train"] * 12 + (["val"] if phase == "val" else ["test"]) * 5
    condition = np.concatenate([np.arange(12) % 3, np.arange(5) % 3]).astype(str)
    table = pd.DataFrame(
        {
            "trial_id": np.arange(17),
            "nlb_split": np.array(splits, object),
            "start_s": rng.uniform(0, 100, 17),
            "condition": np.array([f"{c} / 0" for c in condition], object),
            "target_pos": [rng.normal(size=(int(c) + 1, 2)) for c in condition],
        }
    )
    if phase == "test":
        table = table.drop(columns=["condition"])
    return Tensors(
        dataset,
        bin_ms,
        phase,
        arrays,
        table,
        provenance={"notes": ["by hand"]},
        heldin=(0, 1, 3, 4, 6, 7),
        unit_names=tuple(f"unit {k}" for k in range(8)),
        conditions=("0 / 0", "1 / 0", "2 / 0") if phase == "val" else (),
    )
