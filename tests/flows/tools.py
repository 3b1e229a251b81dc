"""A model that makes the calls that a test gives it, and what the tools answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from standins.openai import call, last_outputs, reply, say
from standins.runner import Job, Result
from standins.stage import Stage

SILENT = "Exit code 0 after N s. It printed nothing."


@dataclass(frozen=True)
class Used:
    """A run in which tools were used."""

    result: Result
    answers: list[str]
    """One for each call; how long a command took is ``N s`` in them."""

    @property
    def answer(self) -> str:
        """The last call's."""
        return self.answers[-1]


def sh(command: str, **options: Any) -> dict[str, Any]:
    """A call of run_command."""
    return call("run_command", command=command, **options)


def use(stage: Stage, act: Callable[[Job], Result], *calls: dict[str, Any], **job: Any) -> Used:
    """Run these calls, one after the other, in one reply of the model's, which then says that it is done."""
    answers: list[str] = []

    def keep(body: dict[str, Any]) -> Any:
        answers.extend(re.sub(r"(?<=after )\d+\.\d s\b", "N s", answer) for answer in last_outputs(body).values())
        return reply(say("Done."))

    stage.openai.play(reply(*calls), keep)
    result = act(stage.label(1, **job))
    assert len(calls) == len(answers), result.log
    return Used(result, answers)


def ask(stage: Stage, act: Callable[[Job], Result], cases: dict[str, tuple[dict[str, Any], str]]) -> dict[str, str]:
    """What each case's call was answered, by the case's name."""
    return dict(zip(cases, use(stage, act, *(asked for asked, _ in cases.values())).answers, strict=True))


def expected(cases: dict[str, tuple[Any, str]]) -> dict[str, str]:
    """What each case is to be answered, by its name."""
    return {name: answer for name, (_, answer) in cases.items()}
