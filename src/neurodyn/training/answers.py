"""What analyses of a run's dynamics have left in its folder for its report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from neurodyn.data.writing import written_whole

FOLDER = Path("analysis")
"""Where a run's folder keeps analyses."""
QUESTIONS = (
    "residual_comparison",
    "perturbation",
    "twins",
    "free_run",
    "noise_response",
    "message_ablation",
)
"""Names, in the order of the report."""
_END = ".answer.json"


@dataclass(frozen=True)
class Answer:
    """One answer, as the report shows it."""

    name: str
    """The question's: one of `QUESTIONS`."""
    session: str
    """Whose trials it is about."""
    title: str
    """Plain text."""
    html: str
    """Table and figure."""

    @staticmethod
    def of_table(
        name: str, session: str, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], note: str
    ) -> Answer:
        """One that is a table of plain text with a note."""
        head = "".join(f"<th>{escape(each)}</th>" for each in headings)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        return Answer(name, session, title, f'{table}<p class="caption">{escape(note)}</p>')

    def write(self, folder: Path) -> None:
        """Writes it into a folder that exists, whole or not at all."""
        with written_whole(folder / f"{self.name}{_END}") as beside:
            beside.write_text(json.dumps(asdict(self)), encoding="utf-8")


def kept_answers(run: Path) -> tuple[Answer, ...]:
    """The answers that a run's folder holds; none where nothing was asked."""
    files = [run / FOLDER / f"{name}{_END}" for name in QUESTIONS]
    return tuple(Answer(**json.loads(file.read_text(encoding="utf-8"))) for file in files if file.is_file())
