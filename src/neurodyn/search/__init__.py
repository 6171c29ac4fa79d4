"""Hyperparameter search: random and population-based. The package is the verb, too: `neurodyn.search("lfads", trials, out="study")`."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurodyn.search.study import Study


class _Verb(types.ModuleType):
    """A module that can be called: the package and the verb have the same name."""

    def __call__(self, *args: Any, **options: Any) -> Study:
        from neurodyn.search.run import search

        return search(*args, **options)


sys.modules[__name__].__class__ = _Verb
