"""What the scripted model does in every cell, and where what it writes must be found again."""

from __future__ import annotations

from dataclasses import dataclass

from standins.openai import Reply, call, reply, say
from tests.projects import FIX


@dataclass(frozen=True)
class Write:
    """What a call of the model's writes: this line, in this file, once."""

    path: str
    line: str


WRITES = {
    "call_fix": Write("calculator.py", "    return a + b"),
    "call_one": Write("count", "one"),
    "call_notes": Write("notes.txt", "Notes."),
    "call_two": Write("count", "two"),
    "call_more": Write("more.txt", "More."),
}
"""A call's id -> what it writes. A call that runs twice leaves its line twice in ``count``."""
AGAIN = "_again"
"""Ends the id of a call that is made a second time."""
COMMITTED = "Committed and pushed"
"""How the answer to a commit begins that is on GitHub."""


def find_write(call_id: str | None) -> Write | None:
    """What the call of this id writes."""
    return WRITES.get((call_id or "").removesuffix(AGAIN))


def again(step: Reply) -> Reply:
    """The same calls, made a second time."""
    return reply(*({**item, "call_id": item["call_id"] + AGAIN} for item in step.items))


FIX_ADD = call("apply_patch", "call_fix", patch=FIX)
COUNT_ONE = call("run_command", "call_one", command="echo one >> count")
COMMIT_FIX = call("commit", "call_commit_fix", message="Make add() add")
NOTES = call("save_content_to_file", "call_notes", path="notes.txt", content="Notes.\n")
COUNT_TWO = call("run_command", "call_two", command="echo two >> count")
COMMIT_NOTES = call("commit", "call_commit_notes", message="Add notes")
PULL = call("make_pull_request", "call_pull", title="Make add() add", body="It subtracted.")
MORE = call("save_content_to_file", "call_more", path="more.txt", content="More.\n")
COMMIT_MORE = call("commit", "call_commit_more", message="Add more")
NEVER = call("run_command", "call_never", command="echo never >> count")
"""A call in a reply that breaks off: it must not be done."""
SILENT = call("run_command", "call_silent", command="sleep 300")
LOOK = call("run_command", "call_look", command="git status --short")

WORK: tuple[Reply, ...] = (reply(FIX_ADD, COUNT_ONE),)
"""Something is written and not committed."""
SAVED = (*WORK, reply(COMMIT_FIX))
"""It is committed."""
MORE_WORK = (*SAVED, reply(NOTES, COUNT_TWO))
"""And more is written that is not."""
ALL_SAVED = (*MORE_WORK, reply(COMMIT_NOTES))
PROPOSED = (*ALL_SAVED, reply(PULL))
DONE = reply(say("Done."))
STORY = (*PROPOSED, DONE)
"""The whole of it."""
SEQUEL = (reply(MORE), reply(COMMIT_MORE), DONE)
"""What the model does in another run."""
