"""The command line. One file a verb: its name is the file's, its summary the first line of the file's docstring.

Nothing heavy is imported before a verb runs, so that `neurodyn --help` answers at once.
What people read goes to stderr; what machines read goes to stdout.
"""

from __future__ import annotations

import ast
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from neurodyn import __version__
from neurodyn.errors import NeurodynError, UnknownName

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# torch and safetensors report a full disk as an error of their own that keeps only the text.
_FULL_TEXTS = ("No space left on device", "File too large", "Disk quota exceeded", "PytorchStreamWriter failed writing")


def verbs() -> dict[str, str]:
    """Every verb with its one-line summary, read from the sources without importing them."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n", 1)[0] for path in files}


def usage() -> str:
    """What `neurodyn --help` prints."""
    lines = [f"  {name:<10} {summary}" for name, summary in verbs().items()]
    return "\n".join(
        [
            "usage: neurodyn VERB ... [--help] [--debug]",
            "",
            "Neural population dynamics: any recording in, any model, any objective, and comparisons that can be trusted.",
            "",
            "verbs:",
            *lines,
            "",
            "`neurodyn VERB --help` lists a verb's options; `--debug` shows the full traceback of an error.",
            "Start with `neurodyn demo`, or `neurodyn data list`.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb and returns the exit code: 0, 2 for wrong input, 130 after Ctrl-C.

    Args:
        argv: the arguments after the program's name; by default those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        _run(arguments)
        sys.stdout.flush()
        return 0
    except SystemExit as stop:  # the option parser has already printed its message
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt as interrupt:
        return _complain(f"interrupted. {str(interrupt) or 'Run the same command again.'}", 130, debug)
    except BrokenPipeError:  # the reader (`head`) has gone: the interpreter must not flush into it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except NeurodynError as error:
        return _complain(f"error: {error}", 2, debug)
    except Exception as error:
        if _disk_full(error):
            return _complain(f"error: the disk is full: {error}. Free some space and run the command again.", 2, debug)
        if isinstance(error, OSError) and error.strerror:
            return _complain(f"error: {error.filename or 'file'}: {error.strerror.lower()}.", 2, debug)
        raise


def _run(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    if arguments[0] in ("-V", "--version"):
        print(f"neurodyn {__version__}")
        return
    verb, known = arguments[0], verbs()
    if verb not in known:
        raise UnknownName("verb", verb, known)
    importlib.import_module(f"neurodyn.cli.{verb}").run(arguments[1:])


def _complain(message: str, code: int, debug: bool) -> int:
    if debug:
        raise
    print(f"neurodyn: {message}", file=sys.stderr)
    return code


def _disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(text in str(error) for text in _FULL_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False
