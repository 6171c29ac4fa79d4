"""The dispatcher: verbs by file, plain messages, exit codes, and nothing heavy imported to print the help."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from neurodyn import __version__, cli
from neurodyn.cli import main
from neurodyn.errors import InvalidInput


@pytest.fixture
def verb_that(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes the verb `config` raise an exception."""

    def make(error: BaseException) -> None:
        def run(arguments: list[str]) -> None:
            raise error

        monkeypatch.setattr(cli.importlib, "import_module", lambda name: SimpleNamespace(run=run))

    return make


def test_every_verb_is_a_file_with_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    files = {p.stem for p in Path(cli.__file__).parent.glob("[a-z]*.py")}
    assert set(cli.verbs()) == files
    assert {"demo", "data", "fit", "transform", "evaluate", "report", "config", "doctor"} <= files
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    for verb, summary in cli.verbs().items():
        assert summary.endswith((".", ")")), verb
        assert f"  {verb}" in printed and summary in printed


def test_help_and_version_import_nothing_heavy() -> None:
    script = (
        "import sys; from neurodyn.cli import main; main(['--help']); main(['--version']);"
        "heavy = {'torch', 'numpy', 'pandas', 'tyro', 'rich', 'yaml', 'h5py'} & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert __version__ in done.stdout


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("evalute", "evaluate"), ("tranform", "transform"), ("dcotor", "doctor")],
)
def test_an_unknown_verb_names_the_nearest(capsys: pytest.CaptureFixture[str], typed: str, nearest: str) -> None:
    assert main([typed]) == 2
    captured = capsys.readouterr()
    assert f"'{typed}'" in captured.err and f"'{nearest}'" in captured.err
    assert captured.out == "" and "Traceback" not in captured.err


def test_wrong_input_is_a_plain_message_and_a_traceback_with_debug(
    capsys: pytest.CaptureFixture[str], verb_that: Callable[[BaseException], None]
) -> None:
    verb_that(InvalidInput("bin_s", -1, "a bin width above 0", "Give --bin-s 0.02."))
    assert main(["config", "lfads"]) == 2
    assert (
        capsys.readouterr().err == "neurodyn: error: bin_s: got -1; expected a bin width above 0. Give --bin-s 0.02.\n"
    )
    with pytest.raises(InvalidInput):
        main(["config", "lfads", "--debug"])


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "x.h5"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
        RuntimeError("[enforce fail at inline_container.cc:862] . PytorchStreamWriter failed writing file data/0"),
    ],
)
def test_a_full_disk_says_so(
    capsys: pytest.CaptureFixture[str], verb_that: Callable[[BaseException], None], error: Exception
) -> None:
    verb_that(error)
    assert main(["config"]) == 2
    assert "the disk is full" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(
    capsys: pytest.CaptureFixture[str], verb_that: Callable[[BaseException], None]
) -> None:
    verb_that(PermissionError(errno.EACCES, "Permission denied", "secret.h5"))
    assert main(["config"]) == 2
    assert capsys.readouterr().err == "neurodyn: error: secret.h5: permission denied.\n"


def test_ctrl_c_ends_with_130_and_what_to_do(
    capsys: pytest.CaptureFixture[str], verb_that: Callable[[BaseException], None]
) -> None:
    verb_that(KeyboardInterrupt())
    assert main(["config"]) == 130
    assert "same command again" in capsys.readouterr().err
    verb_that(KeyboardInterrupt("Continue with: neurodyn fit --resume"))
    assert main(["config"]) == 130
    assert "neurodyn fit --resume" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(verb_that: Callable[[BaseException], None]) -> None:
    verb_that(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        main(["config"])


def test_a_reader_that_has_gone_is_no_error() -> None:
    script = "import sys; from neurodyn.cli import main; sys.exit(main(['config', 'train']))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        error = process.stderr.read().decode()
    assert process.returncode == 141
    assert error == ""
