"""A model that works at random, each conversation as it was drawn; it keeps the book of what it wrote and committed.

All that it writes is a token of its own, so that each can be found again, wherever it has gone.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from standins.openai import (
    bad_json,
    call,
    dropped,
    error,
    error_event,
    failed,
    garbage,
    last_outputs,
    refuse,
    reply,
    say,
    stalled,
    truncated,
)
from standins.openai.script import Step
from standins.stage import Stage
from tests.projects import FIX

TOKEN = re.compile(r"tok-\d+-\d+-\d+-\d+\b")
"""Issue, conversation, step, place in the step."""
_TITLE = re.compile(r"Task (\d+)\b")
_KEPT = re.compile(r"Saved |Exit code 0 ")
_COMMITTED = "Committed and pushed"

FAULTS: dict[str, Callable[[], Step]] = {
    "500": lambda: error(500),
    "503": lambda: error(503),
    "429": lambda: error(429, "rate_limit_exceeded", headers={"Retry-After": "1"}),
    "429 for an hour": lambda: error(429, "rate_limit_exceeded", headers={"Retry-After": "3600"}),
    "quota": lambda: error(429, "insufficient_quota"),
    "drop": dropped,
    "truncated": truncated,
    "bad JSON": bad_json,
    "failed": failed,
    "error event": error_event,
    "HTML": garbage,
    "too long": lambda: error(400, "context_length_exceeded", "Your input exceeds the context window of this model."),
    "refusal": lambda: reply(refuse("I cannot help with that.")),
    "incomplete": lambda: reply(say("I was about to", phase=None), status="incomplete"),
    "commentary": lambda: reply(say("Still looking.", phase="commentary")),
}
"""What a model's service does instead of the next step of the work."""
_ENDING = {"429 for an hour", "quota", "refusal"}
"""Of these, what ends a run: it is drawn less often."""


@dataclass
class Talk:
    """A conversation: what the model will do in it, and what came of what it did."""

    issue: int
    number: int
    steps: list[list[dict[str, Any]]]
    """Tool calls, reply by reply."""
    faults: dict[int, str]
    """Before the step of this number the service does so, once."""
    reached: int = 0
    """The step that the model takes next."""
    requests: int = 0
    written: set[str] = field(default_factory=set)
    """Tokens of which a tool has said that they were written."""
    committed: set[str] = field(default_factory=set)
    excused: set[str] = field(default_factory=set)
    """Tokens of which a tool has said that they are lost, and those that a person took away."""
    judged: set[str] = field(default_factory=set)


Act = Callable[[Talk], threading.Event | None]
"""What happens when the model takes a step: a person acts, a sandbox dies. The model waits for the event that it gives."""


class Worker:
    """The model of a whole scene: every conversation asks it, whichever run that is of."""

    def __init__(self, stage: Stage, seed: str, faultiness: float, act: Act) -> None:
        self.stage, self.seed, self.faultiness, self.act = stage, seed, faultiness, act
        self.talks: list[Talk] = []
        self.ran: Counter[str] = Counter()
        """How often the command that writes a token was run in a sandbox."""
        self._lock = threading.Lock()
        self._by_key: dict[str, Talk] = {}

    def take(self, body: dict[str, Any]) -> Step:
        """The next step of the conversation that this request is of."""
        with self._lock:
            talk = self._find(body)
        talk.requests += 1
        self._judge(talk, body)
        if body.get("tool_choice") == "none":
            return reply(say(f"Left: all of talk {talk.issue}-{talk.number}."))
        if name := talk.faults.pop(talk.reached, None):
            return FAULTS[name]()
        held = self.act(talk)
        if held:
            return stalled(held)
        if talk.reached >= len(talk.steps):
            return reply(say("Done."))
        return reply(*talk.steps[talk.reached])

    def _find(self, body: dict[str, Any]) -> Talk:
        """The talk of this request; a summary that takes a conversation's place goes on with the talk."""
        key = body["prompt_cache_key"]
        if key not in self._by_key:
            text = " ".join(_texts(body))
            issue = int(_TITLE.findall(text)[0])
            summary = re.findall(rf"all of talk ({issue}-\d+)", text)
            mine = [talk for talk in self.talks if talk.issue == issue]
            known = next((t for t in mine if summary and f"{t.issue}-{t.number}" == summary[-1]), None)
            compacted = "became longer than you can read" in text and mine
            self._by_key[key] = known or (mine[-1] if compacted else self._begin(issue, len(mine)))
        return self._by_key[key]

    def _begin(self, issue: int, number: int) -> Talk:
        rng = random.Random(f"{self.seed}/{issue}/{number}")
        steps = [_draw_step(rng, issue, number, i) for i in range(rng.randint(2, 6))]
        names = [name for name in FAULTS if name not in _ENDING or rng.random() < 0.2]
        faults = {i: rng.choice(names) for i in range(len(steps) + 1) if rng.random() < self.faultiness}
        talk = Talk(issue, number, steps, faults)
        self.talks.append(talk)
        for made in (made for step in steps for made in step if made["name"] == "run_command"):
            (token,) = TOKEN.findall(made["arguments"])
            self.stage.e2b.on_command(rf"echo {token} ", lambda _, token=token: self.ran.update([token]))
        return talk

    def _judge(self, talk: Talk, body: dict[str, Any]) -> None:
        """Enter into the book what the tools have answered."""
        for call_id, answer in last_outputs(body).items():
            if call_id in talk.judged or not call_id.startswith(f"c-{talk.issue}-{talk.number}-"):
                continue
            talk.judged.add(call_id)
            step, place = map(int, call_id.split("-")[3:5])
            talk.reached = max(talk.reached, step + 1)
            if _KEPT.match(answer):
                talk.written |= set(TOKEN.findall(str(talk.steps[step][place]["arguments"])))
            elif answer.startswith(_COMMITTED):
                talk.committed |= talk.written - talk.excused
            if " lost" in answer:
                talk.excused |= talk.written - talk.committed


def _draw_step(rng: random.Random, issue: int, number: int, step: int) -> list[dict[str, Any]]:
    """One reply: one to three calls."""
    calls = []
    for place in range(rng.choice((1, 1, 1, 2, 3))):
        token, call_id = f"tok-{issue}-{number}-{step}-{place}", f"c-{issue}-{number}-{step}-{place}"
        match rng.choice(("write", "write", "run", "run", "commit", "commit", "patch", "pull", "plan")):
            case "write":
                made = call("save_content_to_file", call_id, path=f"notes/{token}.txt", content=f"{token}\n")
            case "run":
                pause = rng.choice(("", "; sleep 0.2"))
                made = call("run_command", call_id, command=f"echo {token} >> log-{issue}-{number}.txt{pause}")
            case "commit":
                made = call("commit", call_id, message=f"Commit {issue}-{number}-{step}")
            case "patch":
                made = call("apply_patch", call_id, patch=FIX)
            case "pull":
                made = call("make_pull_request", call_id, title=f"Work on {issue}", body="Some of it.")
            case _:
                made = call("update_plan", call_id, steps=[{"step": "Work", "status": "in_progress"}])
        calls.append(made)
    return calls


def _texts(body: dict[str, Any]) -> list[str]:
    return [part.get("text", "") for item in body["input"] if item.get("role") == "user" for part in item["content"]]
