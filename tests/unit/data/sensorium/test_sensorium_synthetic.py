"""The writer of invented mice: the layout with all its oddities, whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from sensorium_mice import FIRST, FRAMES, SECOND, mouse_of, write_pair

from neurodyn.data.sensorium import synthetic
from neurodyn.data.sensorium.synthetic import SyntheticMouse, write_synthetic
from neurodyn.errors import InvalidInput


def test_files_have_the_shapes_and_padding_of_the_layout(tmp_path: Path) -> None:
    write_pair(tmp_path)
    mouse = mouse_of(tmp_path, "202")
    trial = int(mouse.trials("oracle")[0])
    for what, shape in {"videos": (36, 64), "responses": (15,), "behavior": (2,), "pupil_center": (2,)}.items():
        values = np.load(mouse.file(what, trial))
        assert values.shape == (*shape, 48)
        assert np.isfinite(values[..., :FRAMES]).all() and np.isnan(values[..., FRAMES:]).all()
        for statistic in ("mean", "std", "min", "max", "median"):
            stored = np.load(mouse.path / "meta/statistics" / what / "all" / f"{statistic}.npy")
            assert stored.shape == (*shape, 48)
    videos = np.load(mouse.file("videos", trial))[..., :FRAMES]
    assert (videos == np.rint(videos)).all() and 0 <= videos.min() < 100 and 150 < videos.max() <= 255
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*"))


def test_depths_come_in_blocks_in_an_order_of_each_mouse(tmp_path: Path) -> None:
    write_pair(tmp_path, SyntheticMouse("1-1-1", 100, 45), SyntheticMouse("2-1-1", 100, 45))
    orders = []
    for animal in ("1", "2"):
        depth = mouse_of(tmp_path, animal).positions_um[:, 2]
        orders.append(depth[np.flatnonzero(np.diff(depth, prepend=0))].tolist())
        assert sorted(orders[-1]) == list(range(200, 426, 25))
    assert orders[0] != orders[1]


def test_responses_follow_what_is_shown(tmp_path: Path) -> None:
    write_pair(tmp_path, FIRST, repeats=12)
    mouse, seen = mouse_of(tmp_path), {}
    for trial in mouse.trials("oracle").tolist():
        video = np.load(mouse.file("videos", trial)).tobytes()
        seen.setdefault(video, []).append(np.load(mouse.file("responses", trial))[:, :FRAMES])
    halves = [np.stack([np.mean(r[half::2], 0) for r in seen.values()]).ravel() for half in (0, 1)]
    assert len(seen) == 2 and np.corrcoef(*halves)[0, 1] > 0.5


def test_hard_links_make_a_folder_look_large(tmp_path: Path) -> None:
    write_pair(tmp_path, FIRST, train=30, distinct=2)
    stats = [path.stat() for path in mouse_of(tmp_path).path.glob("data/responses/*.npy")]
    assert len(stats) == 36 and len({s.st_ino for s in stats}) == 2
    assert all(np.load(path).any() for path in mouse_of(tmp_path).path.glob("data/responses/*.npy"))


def test_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_pair(tmp_path / name, FIRST, seed=seed)
    one, same, other = (mouse_of(tmp_path / name) for name in ("a", "b", "c"))
    trial = int(one.trials("train")[0])
    assert one.file("responses", trial).read_bytes() == same.file("responses", trial).read_bytes()
    assert not np.array_equal(one.tiers, other.tiers)


def test_nothing_is_written_over_or_left_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pair(tmp_path / "mice", FIRST)
    with pytest.raises(InvalidInput, match="there already"):
        write_pair(tmp_path / "mice", SECOND, FIRST)
    with pytest.raises(InvalidInput, match="40 or more"):
        write_synthetic(tmp_path / "short", [[SyntheticMouse("1-1-1", 3, 39)]], frames=40)
    with pytest.raises(InvalidInput, match="<animal>-<session>-<scan>"):
        write_synthetic(tmp_path / "short", [[SyntheticMouse("one", 3)]])
    monkeypatch.setattr(synthetic, "_write_meta", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_pair(tmp_path / "new", FIRST)
    assert not [path for path in (tmp_path / "new").rglob("*") if path.is_file()] and not (tmp_path / "short").exists()
