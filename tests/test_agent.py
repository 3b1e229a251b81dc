"""The loop's bounds: calls of one reply, their arguments, the time between them."""

import json

import pytest
from pydantic import Field

from ai_dev.agent import Agent
from ai_dev.budget import Budget
from ai_dev.conversation import Conversation
from ai_dev.errors import Failure, Service, ServiceError, Stopped
from ai_dev.model import Call, Reply
from ai_dev.prices import Usage
from ai_dev.tools import Desk, Tool


class Waste(Tool):
    """Use up the time of the run."""

    words: list[str] = Field(description="Some.")

    def run(self, desk):
        """All of it."""
        desk.budget.seconds = 0
        return "Wasted."


class Scripted:
    """A model that answers so; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def measure(self, conversation):
        """What there is."""
        return conversation.size

    def ask(self, *_):
        """The next of them."""
        answer = self.answers.pop(0)
        if callable(answer):
            answer()
        return answer


def calls(*arguments):
    """A reply with calls of ``waste``."""
    wanted = tuple(Call(f"c{i}", "waste", text) for i, text in enumerate(arguments))
    return Reply([], wanted, "", "", final=False, usage=Usage())


def work(*replies, budget):
    """Let the agent work; what the calls were answered, by id."""
    conversation = Conversation()
    agent = Agent(Scripted(*replies), [Waste], Desk(None, None, print, budget), lambda _: None)
    with pytest.raises(Stopped):
        agent.work(conversation)
    return {item["call_id"]: item["output"] for item in json.loads(conversation.json)}


def test_the_clock_is_looked_at_between_calls():
    """When the time is up in the middle of a reply, the rest of its calls is answered and not run."""
    answers = work(calls(*['{"words": []}'] * 3), budget=Budget(5, 60))

    assert {"c0": "Wasted.", "c1": "Not run: the time of the run is up.", "c2": answers["c1"]} == answers


def test_calls_of_a_reply_are_bounded():
    """All calls of a reply are answered, the first fifty are looked at."""
    answers = work(calls(*["{", '{"words": []}'] * 41), budget=Budget(5, 60))

    assert 82 == len(answers)
    assert "at most 50 calls" in answers["c81"]


def test_faults_of_arguments_are_told_in_short():
    """However many faults arguments have, and however long they are, the answer is short."""
    arguments = json.dumps({"words": list(range(1000)), "x" * 100_000: 1})
    answers = work(calls(arguments, '"' + "x" * (2 << 20), '{"words": []}'), budget=Budget(5, 60))

    assert len(answers["c0"]) < 5000
    assert "The arguments of waste are too long: at most 2,097,152 characters." == answers["c1"]


def test_a_reply_that_takes_all_the_time_is_the_limit():
    """When the model's service holds the run to its end, the limit is what is told."""
    budget = Budget(5, 60)

    def late():
        budget.seconds = 0
        raise ServiceError(Failure(Service.OPENAI, "answer", "late"))

    agent = Agent(Scripted(late), [Waste], Desk(None, None, print, budget), lambda _: None)
    with pytest.raises(Stopped):
        agent.work(Conversation())
