"""The sparse tensors against two independent answers: the dense reference beside this file, and what the benchmark's own tool printed."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import dense_reference
import numpy as np
import pytest
from dense_reference import RULES

import synthetic_nwb
from neurodyn import registry
from neurodyn.data.nlb.session import read_session
from neurodyn.data.nlb.tensors import build
from neurodyn.errors import InvalidInput
from synthetic_nwb_kinds import KINDS

GOLDEN = json.loads((Path(__file__).parents[3] / "golden/nlb_tensors.json").read_text())
BINS, PHASES = (5, 20), ("val", "test")
SPLITS = [(dataset, bin_ms, phase) for dataset in KINDS for bin_ms in BINS for phase in PHASES]


def protocol(dataset):
    return registry.load("datasets", dataset).protocol


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Session and dense form of a dataset's synthetic files, made once."""
    folder, opened = tmp_path_factory.mktemp("nlb"), []

    @cache
    def of(dataset):
        files = synthetic_nwb.write_dataset(folder, dataset)
        opened.append(read_session(files, protocol(dataset)))
        return opened[-1], dense_reference.read(files, dataset)

    yield of
    for session in opened:
        session.close()


@pytest.fixture(scope="module")
def built(recorded):
    """A split of those files, made once."""
    return cache(lambda dataset, bin_ms, phase: build(recorded(dataset)[0], protocol(dataset), dataset, bin_ms, phase))


def assert_equal(found, wanted):
    """Counts, masks, jitter and row lists exactly, behaviour and PSTHs to 1e-6."""
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        if key.endswith("cond_idx"):
            assert [list(rows) for rows in found[key]] == [list(rows) for rows in value], key
            assert all(np.asarray(rows).dtype == np.int32 for rows in found[key])
        elif "behavior" in key or key == "psth":
            assert found[key].dtype == np.float32
            np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-6, err_msg=key)
        else:
            np.testing.assert_array_equal(found[key], value, err_msg=key)
            assert np.asarray(found[key]).dtype.kind == np.asarray(value).dtype.kind, key


def assert_split_equal(found, dense):
    wanted, train, evaluated = dense_reference.tensors(dense, found.dataset, found.bin_ms, found.phase)
    assert_equal(found.arrays, wanted)
    assert found.table.trial_id.tolist() == [*train, *evaluated]
    assert found.table.nlb_split.tolist() == dense.trials.split[[*train, *evaluated]].tolist()


@pytest.mark.parametrize(("dataset", "bin_ms", "phase"), SPLITS)
def test_every_split_equals_the_dense_reference(recorded, built, dataset, bin_ms, phase):
    assert_split_equal(built(dataset, bin_ms, phase), recorded(dataset)[1])


def official(dataset, bin_ms, phase):
    """Every key of the benchmark's files with its shape."""
    kind, per_trial = KINDS[dataset], dataset == "dmfc_rsg"
    size = kind.small
    bins, forward = (kind.window_ms[1] - kind.window_ms[0]) // bin_ms, 200 // bin_ms
    rows = {"train": size.train + (size.val if phase == "test" else 0), "eval": getattr(size, phase)}
    shapes = {"eval_spikes_heldin": (rows["eval"], bins, size.heldin)}
    for side in ("train", "eval") if phase == "val" else ("train",):
        for group in ("heldin", "heldout"):
            shapes[f"{side}_spikes_{group}"] = (rows[side], bins, getattr(size, group))
            shapes[f"{side}_spikes_{group}_forward"] = (rows[side], forward, getattr(size, group))
        shapes[f"{side}_behavior"] = (rows[side], 5) if per_trial else (rows[side], bins, 2)
        if phase == "val" and dataset == "area2_bump":
            shapes[f"{side}_decode_mask"] = (rows[side], 2)
        if phase == "val" and per_trial:
            shapes[f"{side}_jitter"] = (rows[side],)
    if phase == "val" and per_trial:
        shapes["eval_spikes_heldout_whole"] = shapes["eval_spikes_heldout"]
    if phase == "val" and RULES[dataset].conditions:
        conditions = size.conditions * {"area2_bump": 2, "dmfc_rsg": 8}.get(dataset, 3)
        shapes["psth"] = (conditions, bins, size.heldin + size.heldout)
        shapes |= {f"{side}_cond_idx": (conditions,) for side in ("train", "eval")}
    return shapes


@pytest.mark.parametrize(("dataset", "bin_ms", "phase"), SPLITS)
def test_names_and_shapes(built, dataset, bin_ms, phase):
    found = built(dataset, bin_ms, phase)
    shapes = {k: (len(v),) if k.endswith("cond_idx") else v.shape for k, v in found.arrays.items()}
    assert shapes == official(dataset, bin_ms, phase)
    assert (
        found.folder_name == f"{dataset}-{'05' if bin_ms == 5 else '20'}ms-{phase}"
        and found.folder_name in GOLDEN[dataset]
    )
    assert found.group == (dataset if bin_ms == 5 else f"{dataset}_20")


def test_there_are_28_splits():
    assert len({name for dataset in KINDS for name in GOLDEN[dataset] if "ms-" in name}) == len(SPLITS) == 28


@pytest.mark.parametrize("dataset", KINDS)
def test_wide_bins_are_sums_only_where_a_window_starts_on_a_wide_edge(recorded, built, dataset):
    """Bins lie on the recording's clock: where the 5 ms window starts off the 20 ms grid, the 20 ms bins are not sums of its own."""
    dense = recorded(dataset)[1]
    narrow, wide = (built(dataset, bin_ms, "val") for bin_ms in BINS)
    counts = narrow.arrays["train_spikes_heldin"]
    sums = counts.reshape(len(counts), -1, 4, counts.shape[2]).sum(2)
    align = dense.trials[RULES[dataset].align][dense.trials.split == "train"].to_numpy()
    begin = align + RULES[dataset].window[0] * dense_reference.MS
    edges = []  # left edge of each window's first bin, ms
    for split in (narrow, wide):
        width = split.bin_ms * dense_reference.MS
        edges.append((-(-begin // width) + split.arrays.get("train_jitter", 0)) * split.bin_ms)
    on_edge = edges[0] == edges[1]
    equal = (sums == wide.arrays["train_spikes_heldin"]).all((1, 2))
    assert on_edge.any() and not on_edge.all()
    np.testing.assert_array_equal(equal, on_edge)


@pytest.mark.parametrize(("dataset", "seed"), [*((dataset, 1) for dataset in KINDS), ("mc_maze", 2), ("area2_bump", 2)])
def test_awkward_sessions_equal_the_dense_reference(dataset, seed):
    """Gaps, spikes on edges and outside, two files, overlapping trials, trials without their event in a used split; open files, not paths."""
    missing = ("train", "val")[seed % 2]
    pair = synthetic_nwb.make(dataset, seed=seed, missing=missing)
    train, test = (synthetic_nwb.nwb_file(synthetic_nwb.harden(r, dataset, seed=seed)) for r in pair)
    dense = dense_reference.read([test, train], dataset)
    with read_session([train, test], protocol(dataset)) as session:
        for bin_ms in BINS:
            assert_split_equal(build(session, protocol(dataset), dataset, bin_ms, "val"), dense)
            if dataset != "area2_bump":
                assert_split_equal(build(session, protocol(dataset), dataset, bin_ms, "test"), dense)
                continue
            # A train and a val trial overlap: both are training trials in phase test, and a window cut short is refused.
            with pytest.raises(AssertionError, match="train_spikes_heldin"):
                dense_reference.tensors(dense, dataset, bin_ms, "test")
            with pytest.raises(InvalidInput, match="reach into the next trial"):
                build(session, protocol(dataset), dataset, bin_ms, "test")


def test_the_train_file_alone_gives_the_same_validation_split(built, tmp_path):
    """Another first file moves the clock by whole tenths of a second only."""
    dataset = "mc_maze_small"
    train, _ = synthetic_nwb.write_dataset(tmp_path, dataset)
    both = built(dataset, 20, "val").arrays
    with read_session([train], protocol(dataset)) as session:
        alone = build(session, protocol(dataset), dataset, 20, "val")
    assert_split_equal(alone, dense_reference.read([train], dataset))
    np.testing.assert_array_equal(alone.arrays["eval_spikes_heldout"], both["eval_spikes_heldout"])
    np.testing.assert_array_equal(alone.arrays["psth"], both["psth"])


def fingerprint(values):
    """As in the golden file: the first digits of the sha256 of int16, NaN as -1."""
    whole = np.where(np.isnan(values), -1, values).astype(np.int16)
    return hashlib.sha256(whole.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("dataset", KINDS)
def test_the_synthetic_spikes_are_those_the_golden_values_were_made_from(dataset):
    digest = hashlib.sha256()
    for recording in synthetic_nwb.make(dataset):
        for times in recording.spike_times:
            digest.update(np.round(times * 30000).astype(np.int64).tobytes())
    assert digest.hexdigest()[:16] == GOLDEN[dataset]["inputs"]


@pytest.mark.parametrize(("dataset", "bin_ms", "phase"), SPLITS)
def test_tensors_equal_those_of_the_benchmarks_tool(built, dataset, bin_ms, phase):
    found = built(dataset, bin_ms, phase)
    golden = GOLDEN[dataset][found.folder_name]
    assert set(golden) == set(found.arrays)
    for key, wanted in golden.items():
        if key.endswith("cond_idx"):
            assert [rows.tolist() for rows in found.arrays[key]] == wanted, key
            continue
        value = np.asarray(found.arrays[key], np.float64)
        assert list(value.shape) == wanted["shape"], key
        if "sha256" in wanted:
            assert np.nansum(value) == wanted["sum"] and fingerprint(value) == wanted["sha256"], key
            continue
        assert np.isnan(value).sum() == wanted["nan"], key
        assert abs(np.nansum(value) - wanted["sum"]) <= 1e-6 * wanted["sum_of_magnitudes"], key
        samples = value.ravel()[np.linspace(0, value.size - 1, 7).astype(int)]
        np.testing.assert_allclose(samples, np.array(wanted["samples"], float), rtol=1e-6, atol=1e-6, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_mc_maze_small_at_its_published_size(tmp_path, phase):
    dataset = "mc_maze_small"
    files = synthetic_nwb.write_dataset(tmp_path, dataset, scale="real")
    dense = dense_reference.read(files, dataset)
    with read_session(files, protocol(dataset)) as session:
        for bin_ms in BINS:
            found = build(session, protocol(dataset), dataset, bin_ms, phase)
            assert_split_equal(found, dense)
    rows = {"val": (75, 25), "test": (100, 100)}[phase]
    assert found.arrays["train_spikes_heldin"].shape == (rows[0], 35, 107)
    assert found.arrays["train_spikes_heldout"].shape == (rows[0], 35, 35)
    assert found.arrays["eval_spikes_heldin"].shape == (rows[1], 35, 107)


def test_units_go_by_their_identifiers_not_by_their_rows():
    """As in the benchmark's own tool, whose columns are sorted."""
    train, _ = synthetic_nwb.make("mc_maze_small")
    renamed = replace(train, unit_ids=np.arange(len(train.spike_times))[::-1] * 10)
    rules = protocol("mc_maze_small")
    plain, backwards = [], []
    for recording, found in ((train, plain), (renamed, backwards)):
        file = synthetic_nwb.nwb_file(recording)
        with read_session([file], rules) as session:
            found.append(build(session, rules, "mc_maze_small", 20, "val"))
        assert_split_equal(found[0], dense_reference.read([file], "mc_maze_small"))
    for key in ("train_spikes_heldin", "train_spikes_heldout", "eval_spikes_heldin", "psth"):
        units = slice(None, None, -1)
        if key == "psth":
            held_in = plain[0].arrays["train_spikes_heldin"].shape[2]
            units = np.r_[np.arange(held_in)[::-1], np.arange(held_in, len(plain[0].unit_names))[::-1]]
        np.testing.assert_array_equal(backwards[0].arrays[key], plain[0].arrays[key][..., units])
    assert backwards[0].unit_names == tuple(map(str, sorted(renamed.unit_ids)))
