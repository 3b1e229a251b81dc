"""The loop: ask the model, run its calls, append the answers, until it has said its last word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from .conversation import TOOL_OUTPUT_LIMIT, Conversation
from .errors import AiDevError, ServiceError, ToolError
from .model import Call, Model, Reply, name_of
from .redaction import cut_middle, one_line
from .runner import Answered, Asked, Called, Said, Tell
from .task import read_prompt
from .tools import Desk, Tool

_MALFORMED = 3
"""Calls in a row that cannot be read, after which the run ends."""
_CALLS = 50
"""Calls of one reply that are run."""
_ARGUMENTS = 2 << 20
"""Characters of one call's arguments."""


@dataclass(frozen=True)
class Agent:
    """A model with tools at a desk."""

    model: Model
    tools: Sequence[type[Tool]]
    desk: Desk
    tell: Tell

    def work(self, conversation: Conversation) -> str:
        """Work until the model has said its last word; give that. Raises AiDevError."""
        nudged = False
        malformed = 0
        while True:
            self.desk.budget.check()
            self.tell(Asked(self.desk.budget.turns + 1))
            asked = self.model.measure(conversation)
            reply = self._ask(conversation)
            conversation.replay(reply.items)
            self.desk.budget.spend(reply.usage, asked, self.model.measure(conversation))
            if reply.text:
                self.tell(Said(reply.text))
            for number, call in enumerate(reply.calls, 1):
                readable, answer = self._answer(call, number)
                malformed = 0 if readable else malformed + 1
                conversation.answer(call.id, answer)
            if malformed >= _MALFORMED:
                raise AiDevError(f"The model made {malformed} calls in a row that cannot be read.")
            if reply.calls:
                continue
            if reply.refusal:
                raise AiDevError("The model refused.", one_line(reply.refusal, 500), "Say in the issue what it is for.")
            if reply.final or nudged:
                return reply.text
            nudged = True
            conversation.ask(read_prompt("nudge.md"))

    def _ask(self, conversation: Conversation) -> Reply:
        """The model's reply; where it took all the time that the run has, that is what is told."""
        try:
            return self.model.ask(conversation, self.desk.budget.until)
        except ServiceError:
            self.desk.budget.check()
            raise

    def _answer(self, call: Call, number: int) -> tuple[bool, str]:
        """Run a reply's call of this number. Gives whether it could be read, and the answer for the model."""
        if why := self._excuse(number):
            self.tell(Called(call.name, one_line(call.arguments[:1000], 100)))
            self.tell(Answered(why))
            return True, why
        try:
            tool = self._read(call)
        except ToolError as e:
            self.tell(Called(call.name, one_line(call.arguments[:1000], 100)))
            self.tell(Answered(f"cannot be read: {e}"))
            return False, str(e)
        self.tell(Called(call.name, tool.brief))
        try:
            answer = tool.run(self.desk)
        except ToolError as e:
            answer = f"Error: {e}"
        answer = cut_middle(answer, TOOL_OUTPUT_LIMIT)
        self.tell(Answered(one_line(answer, 200)))
        return True, answer

    def _excuse(self, number: int) -> str:
        """Why a reply's call of this number is not run; empty if it is."""
        if number > _CALLS:
            return f"Not run: a reply may have at most {_CALLS} calls. Call again if it is still needed."
        if self.desk.budget.cancelled:
            return "Not run: GitHub has ended the run."
        if self.desk.budget.seconds_left <= 0:
            return "Not run: the time of the run is up."
        return ""

    def _read(self, call: Call) -> Tool:
        known = {name_of(tool): tool for tool in self.tools}
        if call.name not in known:
            raise ToolError(f"There is no tool {one_line(call.name, 60)}. There are: {', '.join(known)}.")
        if len(call.arguments) > _ARGUMENTS:
            raise ToolError(f"The arguments of {call.name} are too long: at most {_ARGUMENTS:,} characters.")
        try:
            return known[call.name].model_validate_json(call.arguments)
        except ValidationError as e:
            errors = e.errors(include_url=False, include_context=False, include_input=False)[:10]
            faults = [f"{one_line(_name(error['loc']), 100)}: {one_line(error['msg'], 300)}" for error in errors]
            raise ToolError(f"The arguments of {call.name} cannot be read. " + "; ".join(faults)) from None


def _name(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:100] for part in place) or "arguments"
