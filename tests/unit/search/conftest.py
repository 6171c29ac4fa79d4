"""A search that nothing interrupted, shared by the tests here."""

from __future__ import annotations

import pytest
from tiny_search import searched

from neurodyn.search.study import Study


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Five members, three generations; only ever read."""
    return searched(tmp_path_factory.mktemp("whole") / "study")
