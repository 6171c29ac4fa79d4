"""Train a student on data and on what a trained run says of them, as a rule one that was given behaviour.

usage: neurodyn distill TEACHER_RUN MODEL DATA [--strategy hard|hard_rate|soft|feature|correlation|poisson_kl] [--teacher RUN ...]
                        [--objective.alpha A --objective.region R --objective.strategy.* --model.* --data.* --train.* --seed N --out DIR --resume --json]
       neurodyn distill TEACHER_RUN recipe.yaml [overrides]

Several teachers, separated by commas or by repeating --teacher, teach the mean of their rates. It is `neurodyn fit` with `--objective distill`.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurodyn import registry
from neurodyn.cli._options import documented, taken
from neurodyn.cli.fit import asked_for, fit
from neurodyn.errors import InvalidInput


def run(arguments: Sequence[str]) -> None:
    """Fits the student and says where its run is."""
    given = list(arguments)
    strategy = taken(given, "--strategy")
    if strategy is not None:
        registry.load("strategies", strategy)
        given += ["--objective.strategy", strategy]
    teachers = _teachers(given)
    if teachers:
        given += ["--objective", "distill", "--objective.teacher", *teachers]
    elif not {"-h", "--help"} & set(given):
        expected = "neurodyn distill TEACHER_RUN MODEL DATA"
        raise InvalidInput("TEACHER_RUN", "nothing", expected, "Train a teacher with `neurodyn fit` first.")
    asked = asked_for("distill TEACHER_RUN", __doc__ or "", given, _FLAGS)
    if asked is None:
        return
    chosen = asked.fitted_with["objective"]["strategy"]["name"]
    fit("distill", arguments, asked, f"{asked.recipe.model}-{chosen}", teacher=teachers, strategy=chosen)


_FLAGS = {
    "strategy": (
        documented(
            str, f"How the student's rates are compared with the teacher's ({', '.join(registry.names('strategies'))})."
        ),
        "hard",
    ),
    "teacher": (documented(tuple[str, ...], "One more run that teaches; may be repeated."), ()),
}


def _teachers(given: list[str]) -> list[str]:
    """Takes the teachers' runs out of the arguments: the word before MODEL DATA (or a recipe), and those of --teacher."""
    named: list[str] = []
    while (value := taken(given, "--teacher")) is not None:
        named.append(value)
    leading = next((place for place, word in enumerate(given) if word.startswith("-")), len(given))
    words = given[:leading]
    recipe = next((place for place, word in enumerate(words) if word.endswith((".yaml", ".yml"))), None)
    first = leading > 2 if recipe is None else recipe > 0
    if leading and (first or not named):
        named.insert(0, given.pop(0))
    return [folder for each in named for folder in each.split(",") if folder]
