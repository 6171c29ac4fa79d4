"""Names are files; listing imports nothing; a kind may live in several packages."""

import subprocess
import sys

import pytest

from neurodyn import registry
from neurodyn.errors import UnknownName


def test_names_are_sorted_files_of_every_package_of_the_kind():
    names = registry.names("datasets")
    assert list(names) == sorted(names)
    assert {"lorenz", "two_area"} <= set(names)
    assert "base" not in names
    assert not any(name.startswith("_") for name in names)


def test_a_name_in_two_packages_would_hide_one_of_them():
    for kind, packages in registry.KINDS.items():
        stems = [
            path.stem
            for package in packages
            for path in registry._ROOT.joinpath(*package.split(".")[1:]).glob("*.py")
            if path.stem not in ("base", "__init__")
        ]
        assert len(stems) == len(set(stems)), kind


@pytest.mark.parametrize("kind", sorted(registry.KINDS))
def test_every_name_loads_as_a_class_named_like_its_file_with_a_summary(kind):
    for name in registry.names(kind):
        if name not in registry._files(kind):
            continue
        cls = registry.load(kind, name)
        assert cls.__name__.lower() == name.replace("_", "")
        assert registry.name_of(cls) == name
        assert registry.summary(kind, name)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownName, match="two_area"):
        registry.load("datasets", "two_areas")


def test_listing_imports_no_torch():
    code = (
        "import sys; from neurodyn import registry;"
        "[registry.summary(k, n) for k in registry.KINDS for n in registry.names(k)];"
        "assert not {'torch', 'scipy', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
