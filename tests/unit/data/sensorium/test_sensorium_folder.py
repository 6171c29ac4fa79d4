"""A mouse's folder: what it holds, and what is said where it is not whole."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sensorium_mice import FIRST, change, mouse_of, truncate, write_pair

from neurodyn.data.sensorium.folder import find_mice, mapped, open_mouse
from neurodyn.errors import InvalidInput, MissingData


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pair(tmp_path / "mice", FIRST)
    return tmp_path / "mice"


def test_a_folder_says_which_trials_and_units_it_has(folder: Path) -> None:
    mouse = mouse_of(folder)
    assert mouse.name == FIRST.name and mouse.animal == "101" and mouse.units == FIRST.units
    train, oracle = mouse.trials("train"), mouse.trials("oracle")
    assert len(train) == 4 and len(oracle) == 4 and not set(train) & set(oracle)
    assert len(mouse.tiers) > (mouse.tiers != "none").sum(), "indices have gaps"
    assert mouse.positions_um.shape == (12, 3) and set(mouse.positions_um[:, 2]) <= set(range(200, 426, 25))
    assert mouse.response_std().shape == (12, 45)
    assert mouse.file("videos", int(train[0])).is_file()


def test_folders_are_found_one_below_too_and_only_once(folder: Path, tmp_path: Path) -> None:
    assert list(find_mice(folder)) == list(find_mice(tmp_path)) == [FIRST.name]
    shutil.copytree(mouse_of(folder).path, folder / "mapping" / f"dynamic{FIRST.name}-Video-1")
    with pytest.raises(InvalidInput, match="twice"):
        find_mice(folder)


@pytest.mark.parametrize("file", ["trials/tiers.npy", "neurons/unit_ids.npy", "neurons/cell_motor_coordinates.npy"])
def test_missing_and_damaged_meta_files_are_named(file: str, folder: Path) -> None:
    path = mouse_of(folder).path
    truncate(path / "meta" / file)
    with pytest.raises(InvalidInput, match=f"(?s){Path(file).name}.*damaged"):
        open_mouse(path)
    (path / "meta" / file).unlink()
    with pytest.raises(MissingData, match=Path(file).name):
        open_mouse(path)


def test_an_unknown_tier_is_named(folder: Path) -> None:
    path = mouse_of(folder).path
    change(path / "meta/trials/tiers.npy", lambda tiers: np.where(tiers == "oracle", "orakel", tiers))
    with pytest.raises(InvalidInput, match=r"'orakel'.*oracle"):
        open_mouse(path)


def test_other_names_and_other_numbers_of_units_are_refused(folder: Path) -> None:
    mouse = mouse_of(folder)
    change(mouse.path / "meta/statistics/responses/all/std.npy", lambda std: std[1:])
    with pytest.raises(InvalidInput, match="11 units"):
        mouse.response_std()
    (mouse.path / "meta/statistics/responses/all/std.npy").unlink()
    with pytest.raises(MissingData, match=r"std\.npy"):
        mouse.response_std()
    change(mouse.path / "meta/neurons/cell_motor_coordinates.npy", lambda xyz: xyz[:, :2])
    with pytest.raises(InvalidInput, match=r"\(12, 2\)"):
        open_mouse(mouse.path)
    with pytest.raises(InvalidInput, match="dynamic<animal>"):
        open_mouse(folder / "mapping")


def test_array_files_are_mapped_and_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", np.arange(6.0))
    assert isinstance(mapped(tmp_path / "good.npy"), np.memmap)
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "empty.npy").touch()
    (tmp_path / "text.npy").write_text("not an array")
    for name in ("objects", "empty", "text"):
        with pytest.raises(InvalidInput, match=f"{name}.npy"):
            mapped(tmp_path / f"{name}.npy")
