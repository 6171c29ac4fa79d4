"""Files of lfads-torch and of BLEND: equal after a round trip, as their releases have them, and refused when they are wrong."""

import dataclasses

import h5py
import numpy as np
import pytest
from benchmark_trials import assert_same, benchmark_trials

from neurodyn.data.files import FileOptions, kind_of, load_file
from neurodyn.data.layouts import blend, lfads_torch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData

LAYOUTS = {"lfads_torch": lfads_torch, "blend": blend}
both = pytest.mark.parametrize("layout", LAYOUTS)


def foreign(path):
    """The file without what neurodyn adds."""
    with h5py.File(path, "r+") as file:
        file.attrs.clear()
        del file["trials"]
        if "psth" in file:
            file["psth"].attrs.clear()
    return path


@both
@pytest.mark.parametrize("forward", [3, 0])
@pytest.mark.parametrize("withheld", ["none", "some", "all"])
@pytest.mark.parametrize("behaviour", ["observed", "whole", "labels"])
def test_a_round_trip_is_equal(tmp_path, layout, behaviour, withheld, forward):
    trials = benchmark_trials(behaviour, withheld, forward)
    path = LAYOUTS[layout].write(trials, tmp_path / "x.h5")
    assert_same(LAYOUTS[layout].read(path), trials)
    assert kind_of(path) == layout
    assert_same(dataclasses.replace(load_file(path), provenance=trials.provenance), trials)


def test_lfads_torch_has_its_keys_and_shapes(tmp_path):
    path = lfads_torch.write(benchmark_trials(), tmp_path / "x.h5")
    with h5py.File(path) as file:
        shapes = {key: data.shape for key, data in file.items() if not key.endswith("cond_idx")}
        assert {p: len(file[f"{p}_encod_data"]) for p in ("train", "valid", "test")} == {
            "train": 12,
            "valid": 3,
            "test": 3,
        }
        whole = file["valid_recon_data"][()]
        assert np.array_equal(file["valid_encod_data"], whole[:, :8, :6])
        assert np.array_equal(whole[..., 6:], benchmark_trials().valid.counts[..., [2, 5]])  # held-out units last
    for part, trials in (("train", 12), ("valid", 3), ("test", 3)):
        assert shapes[f"{part}_encod_data"] == (trials, 8, 6) and shapes[f"{part}_recon_data"] == (trials, 11, 8)
        assert shapes[f"{part}_behavior"] == (trials, 8, 4) and shapes[f"{part}_decode_mask"] == (trials, 2)
    assert shapes["psth"] == (3, 8, 8)


def test_blend_has_its_keys_and_shapes(tmp_path):
    path = blend.write(benchmark_trials("whole", "all"), tmp_path / "x.h5")
    with h5py.File(path) as file:
        assert all(
            isinstance(item, h5py.Dataset) for item in file.values()
        )  # its release reads the top of the file only
        shapes = {key: data.shape for key, data in file.items() if "spikes" in key or "behavior" in key}
    assert shapes == {
        "train_spikes_heldin": (15, 8, 6),
        "train_spikes_heldout": (15, 8, 2),
        "train_spikes_heldin_forward": (15, 3, 6),
        "train_spikes_heldout_forward": (15, 3, 2),
        "train_behavior": (15, 8, 4),
        "train_behavior_forward": (15, 3, 4),
        "eval_spikes_heldin": (3, 8, 6),
        "eval_behavior": (3, 8, 4),
        "eval_behavior_forward": (3, 3, 4),
    }


def test_a_file_of_lfads_torch_itself(tmp_path):
    trials = benchmark_trials()
    path = foreign(lfads_torch.write(trials, tmp_path / "mc_maze-20ms-val.h5"))
    found = lfads_torch.read(path)
    assert found.bin_s == 0.02 and found.name == "mc_maze"
    assert found.table["split"].tolist() == ["train"] * 12 + ["valid"] * 3 + ["test"] * 3
    assert np.array_equal(found.train.counts, trials.train.counts[..., trials.unit_order])
    assert list(found.of_role("behaviour")) == ["behaviour"] and found.heldin.tolist() == list(range(6))
    assert np.array_equal(found.table["jitter_bins"][:12], trials.train.table["jitter_bins"])
    assert np.array_equal(found.table["decode_group"][:12], trials.train.table["decode_group"])
    known = trials.train.table["condition"].notna().to_numpy()
    assert [f"{c} / 0" for c in found.train.table["condition"][known]] == trials.train.table["condition"][
        known
    ].tolist()
    with h5py.File(path, "r+") as file:  # the benchmark's own example files have no test trials
        for key in [key for key in file if key.startswith("test_")]:
            del file[key]
    assert len(lfads_torch.read(path)) == 15


def test_a_file_of_blend_itself(tmp_path):
    trials = benchmark_trials("whole")
    path = foreign(blend.write(trials, tmp_path / "mc_maze.h5"))
    with pytest.raises(InvalidInput, match=r"data\.bin_s"):
        blend.read(path)
    with h5py.File(path, "r+") as file:
        for key in [key for key in file if "_spikes_" in key]:
            file.move(key, key.replace("spikes", "data"))  # older files
        del file["eval_behavior_forward"]
    assert kind_of(path) == "blend"
    found = load_file(path, FileOptions(bin_s=0.005))
    assert found.bin_s == 0.005 and found.forward == 3
    assert found.table["split"].tolist() == (["train"] * 4 + ["valid"]) * 3 + ["test"] * 3
    behaviour = found.signals["behaviour"].values
    assert behaviour.shape == (18, 11, 4) and np.isnan(behaviour[15:, 8:]).all() and not np.isnan(behaviour[0]).any()


def test_truth_and_known_inputs_go_to_lfads_torch(tmp_path):
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.1, 2, (12, 6, 5)).astype(np.float32)
    trials = Trials.from_arrays(
        rng.poisson(rates),
        bin_s=0.01,
        inputs={"cue": rng.normal(size=(12, 6, 2)).astype(np.float32)},
        truth={"rates": rates, "latents": rates[..., :2]},
        heldin=[1, 2, 4],
        split=["train"] * 6 + ["valid"] * 3 + ["test"] * 3,
    )
    path = lfads_torch.write(trials, tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file["conversion_factor"][()] = 0.5
    found = lfads_torch.read(path)
    assert np.array_equal(found.truth["rates"], rates / 0.5)
    assert np.array_equal(found.signals["cue"].values, trials.signals["cue"].values)
    assert lfads_torch.left_out(trials) == ["latents"] and blend.left_out(trials) == ["cue", "rates", "latents"]


@both
def test_nothing_is_replaced_unless_asked(tmp_path, layout):
    module = LAYOUTS[layout]
    path = module.write(benchmark_trials(), tmp_path / "x.h5")
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="overwrite"):
        module.write(benchmark_trials(seed=1), path)
    assert path.read_bytes() == before
    assert_same(module.read(module.write(benchmark_trials(seed=1), path, overwrite=True)), benchmark_trials(seed=1))
    assert [each.name for each in tmp_path.iterdir()] == ["x.h5"]


def unsplit(trials):
    return dataclasses.replace(trials, table=trials.table.drop(columns="split"))


def jagged(trials):
    mask = trials.mask.copy()
    mask[0, -1] = False
    return dataclasses.replace(trials, mask=mask)


def unknown_in_training(trials):
    values, known = trials.counts, np.ones(trials.counts.shape, bool)
    known[0, 0, 2] = False
    return dataclasses.replace(
        trials, signals={"counts": dataclasses.replace(trials.neural, values=values, mask=known)}
    )


@both
@pytest.mark.parametrize(
    ("change", "match"),
    [(unsplit, "not split"), (jagged, "different length"), (unknown_in_training, "unknown counts in train")],
)
def test_trials_that_cannot_be_written(tmp_path, layout, change, match):
    with pytest.raises(InvalidInput, match=match):
        LAYOUTS[layout].write(change(benchmark_trials()), tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_blend_needs_held_out_units_and_test_trials(tmp_path):
    trials = benchmark_trials()
    with pytest.raises(InvalidInput, match="no held-out units"):
        blend.write(dataclasses.replace(trials, heldin=np.arange(8)), tmp_path / "x.h5")
    with pytest.raises(InvalidInput, match="train and test"):
        blend.write(trials.train, tmp_path / "x.h5")
    with pytest.raises(InvalidInput, match="no valid trials"):
        lfads_torch.write(trials.train, tmp_path / "x.h5")


def cut(axis):
    return lambda values: np.delete(values, 0, axis)


def put(value):
    def change(values):
        values = values.copy()
        values[0, 0, 0] = value
        return values

    return change


@pytest.mark.parametrize(
    ("layout", "key", "change", "named"),
    [
        ("lfads_torch", "valid_recon_data", None, ["valid_recon_data", "it holds"]),
        ("lfads_torch", "valid_encod_data", cut(0), ["valid_recon_data", "(3, 11, 8)", "(2, 11, 8)"]),
        ("lfads_torch", "valid_encod_data", cut(1), ["valid_encod_data", "as in train"]),
        ("lfads_torch", "test_recon_data", cut(2), ["test_recon_data", "(3, 11, 7)"]),
        ("lfads_torch", "train_recon_data", lambda a: a[:, :5, :4], ["at least"]),
        ("lfads_torch", "train_encod_data", put(9), ["train_encod_data", "differ"]),
        ("lfads_torch", "train_recon_data", put(-1), ["negative", "(0, 0, 0)"]),
        ("lfads_torch", "train_recon_data", put(0.5), ["fractional", "not rates"]),
        ("lfads_torch", "valid_recon_data", put(np.nan), ["NaN"]),
        ("lfads_torch", "train_behavior", cut(0), ["train_behavior", "11 trials"]),
        ("lfads_torch", "psth", cut(1), ["psth", "(3, 7, 8)"]),
        ("lfads_torch", "train_jitter", cut(0), ["jitter_bins", "17 trials"]),
        ("blend", "train_spikes_heldout", None, ["train_spikes_heldout", "it holds"]),
        ("blend", "train_spikes_heldout_forward", None, ["train_spikes_heldout_forward"]),
        ("blend", "eval_spikes_heldin", cut(2), ["eval_spikes_heldin", "(3, 8, 5)", "(3, 8, 6)"]),
        ("blend", "eval_spikes_heldout", cut(0), ["eval_spikes_heldout", "(2, 8, 2)"]),
        ("blend", "train_spikes_heldin_forward", cut(1), ["(15, 3, 2)", "(15, 2, 2)"]),
        ("blend", "train_spikes_heldin", put(-1), ["negative"]),
        ("blend", "eval_spikes_heldin", put(np.nan), ["NaN"]),
        ("blend", "train_spikes_heldin", put(0.25), ["fractional"]),
        ("blend", "train_behavior", cut(1), ["train_behavior", "7 bins"]),
        ("blend", "eval_behavior", cut(0), ["eval_behavior", "2 trials"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path, layout, key, change, named):
    path = foreign(LAYOUTS[layout].write(benchmark_trials(), tmp_path / "x-20ms-val.h5"))
    with h5py.File(path, "r+") as file:
        values = file[key][()]
        del file[key]
        if change is not None:
            file[key] = change(values)
    with pytest.raises(InvalidInput) as raised:
        LAYOUTS[layout].read(path)
    for word in named:
        assert word in str(raised.value)


@both
def test_a_truncated_file_is_named(tmp_path, layout):
    path = LAYOUTS[layout].write(benchmark_trials(), tmp_path / "x.h5")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput, match=r"x\.h5.*(truncated|damaged)"):
        LAYOUTS[layout].read(path)
    with pytest.raises(MissingData, match="no such file"):
        LAYOUTS[layout].read(tmp_path / "absent.h5")


def test_options_these_files_do_not_use_are_refused(tmp_path):
    path = lfads_torch.write(benchmark_trials(), tmp_path / "x.h5")
    with pytest.raises(InvalidInput, match=r"data\.heldout.*lfads-torch"):
        load_file(path, FileOptions(heldout=0.25))
    with pytest.raises(InvalidInput, match=r"0.02 s by the file and 0.005 s by data.bin_s"):
        load_file(path, FileOptions(bin_s=0.005))
