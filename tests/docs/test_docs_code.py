"""What the pages show is run: every Python block, every doctest, every command's verb and flags, every make target."""

from __future__ import annotations

import doctest
import importlib
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import neurodyn
import synthetic_motor_nwb
import synthetic_nwb
from neurodyn.cli import main, verbs
from neurodyn.errors import MissingData
from synthetic_nwb_kinds import KINDS

ROOT = Path(__file__).parents[2]
SOURCE = Path(neurodyn.__file__).parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
BUDGET_S = 120
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[int, str, str]]:
    """Line, what follows the language, and code of every block in a language."""
    text = page.read_text()
    found = (match for match in _BLOCK.finditer(text) if match[1] == language)
    return [(text.count("\n", 0, match.start(3)) + 1, match[2].strip(), match[3]) for match in found]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def budget() -> Iterator[None]:
    """A page that takes too much CPU time fails instead of holding everything up, however busy the machine is."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"a page's code took over {BUDGET_S} CPU seconds")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, BUDGET_S)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=named)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: None
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = "".join(code for _, _, code in blocks(page, "python"))
    for dataset in (
        name for name in KINDS if f'"{name}"' in shown
    ):  # small synthetic files in place of the published ones
        synthetic_nwb.write_dataset(tmp_path / "data", dataset)
        monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    if '"sensorium2023"' in shown:
        monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))
    if '"monkey_000688"' in shown:
        for seed, (monkey, day) in enumerate((("C", "20160914"), ("M", "20140303"), ("J", "20160405"))):
            synthetic_motor_nwb.write(synthetic_motor_nwb.made(seed, monkey, day), tmp_path / "data" / "000688")
        monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    namespace: dict[str, object] = {"__name__": "page"}
    for line, options, code in blocks(page, "python"):
        compiled = compile("\n" * (line - 1) + code, named(page), "exec")
        if "no-run" not in options:
            try:
                exec(compiled, namespace)
            except MissingData as absent:
                pytest.skip(str(absent))


def documented_modules() -> list[str]:
    paths = (path for path in SOURCE.rglob("*.py") if ">>> " in path.read_text())
    return sorted(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts) for path in paths)


@pytest.mark.parametrize("module", documented_modules())
def test_the_examples_in_docstrings_are_true(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(module), optionflags=flags)
    assert result.attempted > 0
    assert result.failed == 0


def commands(page: Path, program: str) -> list[str]:
    lines = (line for _, _, code in blocks(page, "console") for line in code.replace("\\\n", " ").splitlines())
    shown = (line.removeprefix("$").strip().split(" #")[0] for line in lines)
    return [line for line in shown if line.split(" ")[0] == program]


COMMANDS = sorted({command for page in PAGES for command in commands(page, "neurodyn")})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_its_verb_and_flags(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    verb, *arguments = shlex.split(command)[1:] or ["--help"]
    if verb.startswith("-"):
        assert main([verb]) == 0
        return
    assert verb in verbs()
    names = [str(ROOT / word) if (ROOT / word).is_file() else word for word in _leading(arguments)]
    for word in names:
        if Path(word).suffix in {".h5", ".npz", ".nwb", ".mat"}:
            Path(word).touch()
    rule = arguments.index("--rule") if "--rule" in arguments else len(arguments)  # brings flags of its own
    code = main([verb, *names, *arguments[rule : rule + 2], "--help"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    typed = {word.split("=")[0] for word in arguments if re.match(r"--?[a-z]", word)}
    missing = {flag for flag in typed if not re.search(rf"(?<![\w-]){flag.replace('_', '-')}(?![\w-])", captured.out)}
    assert not missing, f"{missing} not among the options of `neurodyn {verb} {' '.join(names)}`"


def _leading(arguments: list[str]) -> list[str]:
    """The arguments before the first flag."""
    first = next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))
    return arguments[:first]


def test_the_make_targets_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {command.split()[1] for page in PAGES for command in commands(page, "make")}
    assert shown and shown <= targets
