"""One reading of a tier finds valid frames, identities, trials that cannot be used; and is kept."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensorium_mice import FIRST, FRAMES, SECOND, change, mouse_of, truncate, write_pair

from neurodyn.data.sensorium import scan
from neurodyn.data.sensorium.folder import MouseFolder
from neurodyn.data.sensorium.identity import video_identity
from neurodyn.data.sensorium.scan import scan_tier
from neurodyn.data.sensorium.synthetic import SyntheticMouse


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mouse(tmp_path: Path) -> MouseFolder:
    write_pair(tmp_path / "mice", FIRST)
    return mouse_of(tmp_path / "mice")


def first(mouse: MouseFolder, what: str) -> Path:
    return mouse.file(what, int(mouse.trials("train")[0]))


def with_value(value: float, at: Any) -> Callable[[np.ndarray], np.ndarray]:
    def changed(values: np.ndarray) -> np.ndarray:
        values[at] = value
        return values

    return changed


def test_padding_is_left_out_and_sums_are_over_valid_frames(mouse: MouseFolder) -> None:
    found = scan_tier(mouse, "train")
    assert found.trial.tolist() == mouse.trials("train").tolist() and found.usable.all()
    assert found.bins.tolist() == [FRAMES] * 4 and found.frames == 4 * FRAMES
    whole = np.concatenate([np.load(mouse.file("responses", int(k)))[:, :FRAMES] for k in found.trial], 1)
    np.testing.assert_allclose(found.total, whole.sum(1, dtype=float), rtol=1e-12)
    np.testing.assert_allclose(found.squares, (whole.astype(float) ** 2).sum(1), rtol=1e-12)


@pytest.mark.parametrize("what", ["videos", "responses"])
def test_the_first_nan_of_either_ends_a_trial(mouse: MouseFolder, what: str) -> None:
    change(first(mouse, what), with_value(np.nan, (..., 0, slice(31, 33))))  # data go on after the gap
    found = scan_tier(mouse, "train")
    assert found.bins.tolist() == [31, FRAMES, FRAMES, FRAMES] and found.usable.all()


def test_equal_videos_have_equal_identities_under_other_indices_and_paddings(tmp_path: Path) -> None:
    write_pair(tmp_path / "mice")
    one, two = (scan_tier(mouse_of(tmp_path / "mice", animal), "train") for animal in ("101", "202"))
    shared = set(one.stimulus) & set(two.stimulus)
    assert len(shared) == 3 and len(set(one.stimulus)) == 4
    assert [one.trial[one.stimulus == s] for s in shared] != [two.trial[two.stimulus == s] for s in shared]
    oracle = scan_tier(mouse_of(tmp_path / "mice"), "oracle")
    assert sorted(np.unique(oracle.stimulus, return_counts=True)[1]) == [2, 2]


def test_an_identity_is_of_the_video_not_of_the_recording(mouse: MouseFolder) -> None:
    before = scan_tier(mouse, "train").stimulus[0]
    change(first(mouse, "responses"), with_value(np.nan, (slice(None), slice(30, None))))
    change(first(mouse, "videos"), lambda v: v.astype(np.float64))
    after = scan_tier(mouse, "train")
    assert after.bins[0] == 30 and after.stimulus[0] == before
    clip = np.zeros((2, 3, 4))
    assert video_identity(clip) != video_identity(clip.reshape(3, 2, 4))


SPOILT: dict[str, tuple[str, Any, str]] = {
    "other length": ("responses", lambda r: r[:, :-2], r"shape \(12, 43\), not \(12, 45\)"),
    "other units": ("responses", lambda r: r[1:], r"shape \(11, 45\)"),
    "all NaN": ("responses", lambda r: np.full_like(r, np.nan), "NaN from the first frame on"),
    "video all NaN": ("videos", lambda v: np.full_like(v, np.nan), "NaN from the first frame on"),
    "negative": ("responses", with_value(-2e-5, (3, 7)), "-2e-05"),
    "infinite": ("responses", with_value(np.inf, (3, 7)), "infinite"),
    "infinite video": ("videos", with_value(np.inf, (3, 7, 1)), "infinite"),
    "not grey values": ("videos", lambda v: v * 3, "not 0..255"),
    "flat video": ("videos", lambda v: v[0], r"not \(height, width, frame\)"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_trial_that_cannot_be_used_says_why(mouse: MouseFolder, case: str) -> None:
    what, spoil, why = SPOILT[case]
    change(first(mouse, what), spoil)
    found = scan_tier(mouse, "train")
    assert found.usable.tolist() == [False, True, True, True] and not found.withheld.any()
    assert re.search(why, found.problem[0])
    assert found.frames == 3 * FRAMES and np.isfinite(found.total).all()


@pytest.mark.parametrize("what", ["videos", "responses"])
def test_damaged_and_missing_files_are_named(mouse: MouseFolder, what: str) -> None:
    file = first(mouse, what)
    truncate(file)
    assert f"{file}" in scan_tier(mouse, "train").problem[0]
    file.unlink()
    found = scan_tier(mouse, "train")
    assert f"{file} is not there" in found.problem[0] and found.usable.sum() == 3


def test_withheld_responses_are_zero_or_absent_and_only_of_test_tiers(tmp_path: Path) -> None:
    write_pair(tmp_path / "mice", SyntheticMouse("101-2-10", 12, 45, released=False))
    mouse = mouse_of(tmp_path / "mice")
    found = scan_tier(mouse, "live_test_main")
    assert found.withheld.all() and (found.problem == "").all() and (found.stimulus != "").all()
    assert {mouse.file("responses", int(k)).exists() for k in found.trial} == {True, False}
    change(first(mouse, "responses"), lambda r: np.where(np.isnan(r), r, 0))
    assert scan_tier(mouse, "train").withheld.tolist() == [True, False, False, False]


def test_the_tiny_negative_numbers_of_deconvolution_are_no_problem(mouse: MouseFolder) -> None:
    assert np.nanmin(np.load(first(mouse, "responses"))) == np.float32(-1e-7)
    assert scan_tier(mouse, "train").usable.all()


def test_files_are_read_once_until_they_change(
    mouse: MouseFolder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(path for path in mouse.path.rglob("*"))
    kept = scan_tier(mouse, "train")
    calls: list[object] = []
    reading = scan._read_trial
    monkeypatch.setattr(scan, "_read_trial", lambda *args: (calls.append(args), reading(*args))[1])
    again = scan_tier(mouse, "train")
    assert not calls and all(np.array_equal(getattr(again, n), getattr(kept, n)) for n in vars(kept))
    assert sorted(path for path in mouse.path.rglob("*")) == before, "nothing is written to the data folder"
    change(first(mouse, "responses"), lambda r: r[:, :44])
    assert scan_tier(mouse, "train").problem[0] and len(calls) == 4
    for path in (cache / "sensorium").iterdir():
        truncate(path)
    assert scan_tier(mouse, "train").problem[0] and len(calls) == 8, "a damaged cache is made anew"


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    mouse: MouseFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "file"))
    assert scan_tier(mouse, "train").usable.all()


def test_a_file_under_several_names_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pair(tmp_path / "mice", SECOND, train=12, distinct=2)
    calls: list[object] = []
    reading = scan._read_trial
    monkeypatch.setattr(scan, "_read_trial", lambda *args: (calls.append(args), reading(*args))[1])
    found = scan_tier(mouse_of(tmp_path / "mice", "202"), "train")
    assert len(calls) == 2 and len(found.trial) == 12 and found.frames == 12 * FRAMES
