"""The loop's bounds: calls of one reply, their arguments, the time between them."""

import json
from decimal import Decimal
from time import monotonic

import pytest
from pydantic import Field

from ai_dev.agent import Agent
from ai_dev.bench import Bench
from ai_dev.budget import Budget
from ai_dev.conversation import Conversation
from ai_dev.errors import Failure, Service, ServiceError, Stopped
from ai_dev.model import Call, Reply
from ai_dev.prices import Price, Usage
from ai_dev.runner import Note
from ai_dev.tools import Desk, Tool


class Waste(Tool):
    """Use up the time of the run."""

    words: list[str] = Field(description="Some.")

    def run(self, desk):
        """All of it."""
        desk.budget.seconds = 0
        return "Wasted."


class Plain(Waste):
    """Do nothing."""

    def run(self, _):
        """Nothing."""
        return "Nothing."


class Scripted:
    """A model that answers so; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.terms = []

    def measure(self, conversation):
        """What there is."""
        return conversation.size

    def ask(self, _, terms):
        """The next of them."""
        self.terms.append(terms)
        answer = self.answers.pop(0)
        if callable(answer):
            answer()
        return answer


def calls(*arguments, name="waste"):
    """A reply with calls of this tool."""
    wanted = tuple(Call(f"c{i}", name, text) for i, text in enumerate(arguments))
    return Reply([], wanted, "", "", final=False, cut_off="", usage=Usage())


def work(*replies, budget):
    """Let the agent work; what the calls were answered, by id."""
    conversation = Conversation()
    agent = Agent(
        Scripted(*replies), [Waste], Desk(Bench(None, None, print, None), None, print, budget), lambda _: None
    )
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


class Late(Tool):
    """Use up the time in which the model may work."""

    def run(self, desk):
        """All but a minute."""
        desk.budget.began = monotonic() - desk.budget.seconds + 60
        return "Late."


def end(*answers, budget, tools=(Late,)):
    """Let the agent work; the error that ends it, the model and what it was told."""
    model, told = Scripted(*answers), []
    agent = Agent(model, tools, Desk(Bench(None, None, print, None), None, told.append, budget), told.append)
    with pytest.raises(Stopped) as raised:
        agent.work(Conversation())
    return raised.value, model, told


def say(text):
    """Last words."""
    return Reply([], (), text, "", final=True, cut_off="", usage=Usage())


def call_late():
    """A reply that uses up the time."""
    return Reply([], (Call("c", "late", "{}"),), "", "", final=False, cut_off="", usage=Usage())


def late():
    """A service that holds the run."""
    raise ServiceError(Failure(Service.OPENAI, "answer", "late", wait=0))


def test_a_reply_that_takes_all_the_time_is_the_limit():
    """When the model's service holds the run to its end, the limit is what is told."""
    budget = Budget(5, 60)

    def hold():
        budget.seconds = 0
        late()

    stopped, _, _ = end(hold, budget=budget)

    assert "The limit of 0 minutes is reached." == stopped.what


def test_time_is_kept_for_last_words():
    """When the time for the work is up, the model has a minute and a half for its last words, without tools."""
    stopped, model, _ = end(call_late(), say("Half is done."), budget=Budget(50, 3600))

    assert ("The limit of 60 minutes is reached.", "Half is done.") == (stopped.what, stopped.said)
    assert ["auto", "none"] == [terms.tool_choice for terms in model.terms]
    assert model.terms[1].until <= model.terms[0].until


@pytest.mark.parametrize(
    ("budget", "what", "told"),
    [
        (lambda: Budget(50, 3600, began=monotonic() - 3600 + 290), "The limit of 60 minutes was near.", "seconds are left to work."),
        (lambda: Budget(50, 3600, Decimal("1.00"), Price.of("gpt-6.2-sol", ""), cost=Decimal("0.81")), "The limit of $1.00 was near.", "Little is left of $1.00."),
        (lambda: Budget(50, 3600, turns=44), "The limit of 50 turns was near.", "5 of 50 turns are left, counting this one and the last."),
    ],
    ids=["time", "dollars", "turns"],
)  # fmt: skip
def test_a_limit_that_is_near_is_told_once(budget, what, told):
    """Near a limit the model is told which one it is, once; what it leaves undone then makes the run stopped."""
    stopped, _, events = end(
        calls('{"words": []}', name="plain"),
        calls('{"words": []}', name="plain"),
        say("**Not finished:** the rest."),
        budget=budget(),
        tools=[Plain],
    )

    (note,) = [event.text for event in events if isinstance(event, Note)]
    assert note.startswith("The model is told: ")
    assert note.endswith(told)
    assert "**Not finished:** the rest." == stopped.said
    assert what == stopped.what


def test_last_words_that_fail_change_nothing():
    """When the model cannot say farewell the run is stopped by its limit all the same."""
    stopped, _, told = end(call_late(), late, late, late, late, late, budget=Budget(50, 3600))

    assert ("The limit of 60 minutes is reached.", "") == (stopped.what, stopped.said)
    assert told[-1].text.startswith("The model could not be asked for its last words. ")


def test_no_last_words_of_nothing():
    """A run whose limit is reached before the first turn has nothing to tell, and asks for nothing."""
    price = Price.of("gpt-6.2-sol", "")
    for budget in (Budget(50, 3600, Decimal("0.0001"), price), Budget(50, 3600, began=monotonic() - 3590)):
        stopped, model, _ = end(budget=budget)

        assert ("", []) == (stopped.said, model.terms)
