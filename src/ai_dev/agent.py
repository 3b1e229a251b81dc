"""The loop: ask the model, run its calls, append the answers, until it has said its last word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from .conversation import TOOL_OUTPUT_LIMIT, Conversation
from .errors import AiDevError, ToolError
from .model import Call, Model, name_of
from .redaction import cut_middle, one_line
from .runner import Answered, Asked, Called, Said, Tell
from .task import read_prompt
from .tools import Desk, Tool

_MALFORMED = 3
"""Calls in a row that cannot be read, after which the run ends."""


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
            reply = self.model.ask(conversation)
            self.desk.budget.spend(reply.usage)
            conversation.replay(reply.items)
            if reply.text:
                self.tell(Said(reply.text))
            for call in reply.calls:
                readable, answer = self._answer(call)
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

    def _answer(self, call: Call) -> tuple[bool, str]:
        """Run a call. Gives whether it could be read, and the answer for the model."""
        try:
            tool = self._read(call)
        except ToolError as e:
            self.tell(Called(call.name, one_line(call.arguments, 100)))
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

    def _read(self, call: Call) -> Tool:
        known = {name_of(tool): tool for tool in self.tools}
        if call.name not in known:
            raise ToolError(f"There is no tool {one_line(call.name, 60)}. There are: {', '.join(known)}.")
        try:
            return known[call.name].model_validate_json(call.arguments)
        except ValidationError as e:
            faults = [f"{'.'.join(map(str, error['loc'])) or 'arguments'}: {error['msg']}" for error in e.errors()[:10]]
            raise ToolError(f"The arguments of {call.name} cannot be read. " + "; ".join(faults)) from None
