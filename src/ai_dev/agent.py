"""The loop: ask the model, run its calls, append the answers, until it has said its last word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from .conversation import TOOL_OUTPUT_LIMIT, Conversation
from .errors import TOO_LONG, AiDevError, Cancelled, OutOfBudget, Service, ServiceError, Stopped, ToolError, persist
from .model import Call, Model, Reply, Terms, name_of
from .redaction import cut_middle, one_line
from .runner import Answered, Asked, Called, Note, Said, Tell
from .task import read_prompt
from .tools import Desk, Tool

_MALFORMED = 3
"""Calls in a row that cannot be read, after which the run ends."""
_CUT_OFF = 3
"""Replies in a row that were cut off, after which the run ends."""
_TOOLS_CURE = "Start the run again. If it ends so again, use another model: not every one can call tools."
_SMALLER = "Start the run again, or split the task into smaller ones."
_ROOM = 48_000
"""Bytes of a conversation that fit beside the task, for a summary to be made of them; more when more has fitted."""
_LEAST_ROOM = 12_000
_CALLS = 50
"""Calls of one reply that are run."""
_NOT_FINISHED = "not finished:"
"""How the last words of a model begin that was told of a limit and has left something undone: see limit.md."""
_HALF = "The reply was cut off in them, so nothing was done. Write less at once."
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
        """Work until the model has said its last word; give that. When the conversation gets too long, once go on anew.

        Raises AiDevError; that of a limit has the model's last words, where it could say any.
        """
        brief = len(conversation)
        try:
            return self._finish(conversation)
        except ServiceError as e:
            if e.failure.code != TOO_LONG or not self.desk.budget.turns:
                raise
        return self._finish(self._compact(conversation, brief))

    def _finish(self, conversation: Conversation) -> str:
        try:
            return self._work(conversation)
        except OutOfBudget as limit:
            said = limit.said or self._take_leave(conversation, limit)
            raise OutOfBudget(limit.what, cure=limit.cure, said=said) from None

    def _compact(self, conversation: Conversation, brief: int) -> Conversation:
        """A conversation that goes on with the first items, so many, and the model's summary of the rest."""
        budget = self.desk.budget
        self.tell(Note("The conversation is longer than the model can read: it goes on with a summary in its place."))
        try:
            summary = self._summarize(conversation, brief, max(_ROOM, budget.read * 3 // 2))
        except ServiceError as e:
            if e.failure.code != TOO_LONG:
                raise
            summary = self._summarize(conversation, brief, _LEAST_ROOM)
        budget.start_anew()
        return conversation.begin_anew(brief, read_prompt("handover.md", summary=summary or "(There is none.)"))

    def _summarize(self, conversation: Conversation, brief: int, room: int) -> str:
        """The model's summary of the newest part of the conversation, of so many bytes."""
        self.desk.budget.start_anew()
        prompt = read_prompt("compact.md", transcript=conversation.recount(brief, room))
        return self._ask(conversation.begin_anew(brief, prompt), self.desk.budget.begin_summary).text

    def _work(self, conversation: Conversation) -> str:
        near: OutOfBudget | None = None
        nudged = False
        malformed = cut_off = 0
        while True:
            near = near or self._warn(conversation)
            reply = self._ask(conversation, self.desk.budget.begin)
            cut_off = cut_off + 1 if reply.cut_off else 0
            for number, call in enumerate(reply.calls, 1):
                readable, answer = self._answer(call, number)
                malformed = 0 if readable else malformed + 1
                conversation.answer(call.id, answer)
            if cut_off >= _CUT_OFF:
                raise Stopped(f"{cut_off} replies of the model in a row were cut off.", reply.cut_off, _SMALLER)
            if malformed >= _MALFORMED:
                what = f"The model made {malformed} calls in a row that cannot be read."
                raise AiDevError(what, "The log says what is wrong with them.", _TOOLS_CURE)
            if reply.calls:
                self.desk.bench.begin_copy()
                continue
            if reply.cut_off:
                conversation.ask(read_prompt("cut_off.md", why=reply.cut_off))
                continue
            if reply.refusal:
                raise Stopped("The model refused.", one_line(reply.refusal, 500), "Say in the issue what it is for.")
            if reply.final or nudged:
                return _check_finished(reply.text, near)
            nudged = True
            conversation.ask(read_prompt("nudge.md"))

    def _warn(self, conversation: Conversation) -> OutOfBudget | None:
        """Tell the model of the limit that is near, if one is; give it. Raises OutOfBudget when it is reached."""
        size = self.model.measure(conversation)
        self.desk.budget.begin(size)
        near = self.desk.budget.find_near(size)
        if near:
            conversation.ask(read_prompt("limit.md", limit=near.why))
            self.tell(Note(f"The model is told: {near.why}"))
        return near

    def _take_leave(self, conversation: Conversation, limit: OutOfBudget) -> str:
        """The model's last words behind a limit, without tools; empty where none can be paid for or had."""
        if not self.desk.budget.turns:
            return ""  # it has done nothing that it could tell of
        try:
            self.desk.budget.take_leave(self.model.measure(conversation))
            conversation.ask(read_prompt("farewell.md", limit=limit.what))
            return self._ask(conversation, self.desk.budget.take_leave).text
        except Cancelled:
            raise
        except AiDevError as e:
            self.tell(Note(f"The model could not be asked for its last words. {e.what}"))
            return ""

    def _ask(self, conversation: Conversation, allow: Callable[[int], Terms]) -> Reply:
        """The model's next reply, on the terms that are allowed for a request of so many bytes.

        Passing faults are tried again. Where a service took all the time that the run has, that is what is told.
        """
        budget, size = self.desk.budget, self.model.measure(conversation)

        def attempt() -> Reply:
            try:
                return self.model.ask(conversation, allow(size))
            except ServiceError as e:
                if e.failure.written is not None:
                    budget.lose(size, e.failure.written)
                raise

        terms = allow(size)
        self.tell(Asked(budget.turns + 1))
        try:
            reply = persist(attempt, terms.until, self._hear)
        except ServiceError:
            budget.check_time()
            raise
        finally:
            self.desk.bench.end_copy()
        conversation.replay(reply.items)
        budget.spend(reply.usage, size, self.model.measure(conversation))
        if reply.cut_off == "max_output_tokens":
            budget.find_short(terms)
        if reply.text:
            self.tell(Said(reply.text))
        return reply

    def _hear(self, error: ServiceError, wait: float) -> None:
        self.tell(Note(f"{error.what} It is asked again in {wait:.0f} s."))  # the service's own words are foreign

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
        except ServiceError as e:
            if e.failure.service is not Service.E2B:
                raise
            answer = self.desk.bench.recover(e)
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
        if not call.whole:
            raise ToolError(f"The arguments of {one_line(call.name, 60)} cannot be read. {_HALF}")
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


def _check_finished(text: str, near: OutOfBudget | None) -> str:
    """The last words of a model that has ended by itself; it may have been told that a limit is near.

    Raises OutOfBudget when it says that it is not finished.
    """
    if near and text.lstrip(" \n*_#>`").lower().startswith(_NOT_FINISHED):
        raise OutOfBudget(near.what, cure=near.cure, said=text)
    return text


def _name(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:100] for part in place) or "arguments"
