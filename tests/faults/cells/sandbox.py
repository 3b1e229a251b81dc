"""E2B fails: no sandbox comes, it vanishes, it cannot be reached, its disk is full, it does not end."""

from __future__ import annotations

import signal

from standins.openai import reply
from tests.faults import story
from tests.faults.cells.acts import Change, both, fails, meets, nothing
from tests.faults.cells.signals import stopped
from tests.faults.moments import Moment, moment
from tests.faults.scene import Before, Cell, Scene
from tests.faults.story import again

WORK, FIRST, NOTES, SECOND, PULL, DONE = story.STORY
LOOK = reply(story.LOOK)
"""A turn in which the copy of what the one before it wrote is surely made."""
FIX = reply(story.FIX_ADD)
NOTE = reply(story.NOTES)
LOST = frozenset({"call_notes", "call_two"})
"""What was written when a copy had been taken less than a minute ago."""
FULL = {"status": 507, "body": {"code": 507, "message": "not enough disk space"}}
GONE = {"status": 502, "body": {"message": "The sandbox was not found", "code": 502}}
NEW = "A new one is started"


def vanish(scene: Scene) -> None:
    """All sandboxes are gone."""
    for sandbox in scene.e2b.sandboxes.values():
        if sandbox.alive:
            scene.e2b.vanish(sandbox.id)


def call_fails(**how: object) -> Change:
    """The next command in the sandbox meets this fault."""
    return fails("e2b", "POST", "/process.Process/Start$", **how)


def write_fails(**how: object) -> Change:
    """The next file that is written meets this fault."""
    return fails("e2b", "POST", "/files$", **how)


def when_asked(change: Change) -> Change:
    """This change, when a command of the model's that lasts has begun."""
    return lambda scene: scene.e2b.on_command("sleep 300", lambda _: change(scene))


def gone_after(at: Moment) -> Moment:
    """The moment, and the sandbox is gone as well."""

    def arrange(scene: Scene):
        arrive = at.arrange(scene)

        def come(main):
            arrive(main)
            vanish(scene)

        return come

    return Moment(at.name, arrange)


CREATE = ("e2b", "POST", "/v2/sandboxes$")


def refuses(status: int, message: str, times: int | None = 1) -> Change:
    """E2B refuses to make a sandbox."""
    return fails(*CREATE, status=status, body={"code": status, "message": message}, times=times)


CELLS = (
    # No sandbox comes.
    Cell("create: 429 once", "sandbox: asked for", meets(refuses(429, "Rate limit exceeded")), "opened"),
    Cell("create: 503 once", "sandbox: asked for", meets(refuses(503, "No room")), "opened"),
    Cell("create: dropped after it took effect", "sandbox: asked for", meets(fails(*CREATE, after=True, drop=True)), "opened"),
    Cell("create: 400 always", "sandbox: asked for", meets(refuses(400, "No.", None)), "failed", "E2B could not"),
    Cell("create: 401 always", "sandbox: asked for", meets(refuses(401, "Invalid API key", None)), "failed", "e2b-api-key"),
    Cell("create: 429 always", "sandbox: asked for", meets(refuses(429, "Too many sandboxes", None)), "failed", "Too many sandboxes"),
    # It vanishes.
    Cell("vanished", "set-up: the pack is sent", meets(write_fails(**GONE)), "opened", NEW),
    Cell("vanished", "set-up: the first command", meets(call_fails(**GONE)), "opened", NEW),
    Cell("vanished thrice", "set-up: the pack is sent", meets(write_fails(**GONE, times=3)), "failed"),
    Cell("vanished", "first request", meets(nothing, Before(vanish, WORK), again(FIX), FIRST, NOTES, SECOND, PULL, DONE), "opened", NEW),
    Cell("vanished", "commit: collecting", meets(nothing, WORK, LOOK, Before(vanish, FIRST), again(FIRST), NOTES, SECOND, PULL, DONE), "opened", NEW),
    Cell("vanished", "a silent command",
         meets(when_asked(vanish), WORK, reply(story.SILENT), FIRST, NOTES, SECOND, PULL, DONE), "opened", NEW),
    Cell("vanished", "mid-stream, all is committed",
         meets(nothing, WORK, FIRST, Before(vanish, NOTES), again(NOTE), SECOND, PULL, DONE), "opened", NEW),
    Cell("vanished less than a minute after the copy", "commit: collecting",
         meets(nothing, WORK, FIRST, NOTES, Before(vanish, SECOND), again(NOTES), again(SECOND), PULL, DONE), "opened", NEW),
    Cell("vanished less than a minute after the copy", "deliver",
         meets(nothing, WORK, FIRST, NOTES, Before(vanish, PULL), DONE), "opened", r"not committed is lost", loses=LOST),
    Cell("vanished", "deliver, all is committed", meets(nothing, *story.SAVED, Before(vanish, DONE)), "opened"),
    Cell("vanished", "deliver, the copy has it", meets(nothing, WORK, LOOK, Before(vanish, DONE)), "opened", "What was changed after"),
    Cell("vanished thrice", "commit: collecting", meets(nothing, WORK, LOOK, *[Before(vanish, reply({**story.LOOK, "call_id": f"look{i}"})) for i in range(3)]),
         "failed", "What was changed after"),
    Cell("vanished, no other comes", "commit: collecting",
         meets(nothing, WORK, LOOK, Before(both(vanish, refuses(400, "No.", None)), FIRST)), "failed", "E2B could not"),
    Cell("SIGKILL, and the sandbox vanished", "mid-stream, more is written",
         stopped(signal.SIGKILL, gone_after(moment("mid-stream, more is written"))), "failed", "The sandbox is gone", loses=LOST),
    Cell("SIGKILL, and the sandbox vanished", "mid-stream, all is committed",
         stopped(signal.SIGKILL, gone_after(moment("mid-stream, all is committed"))), "failed", "The sandbox is gone"),
    # It cannot be reached.
    Cell("dropped once", "set-up: the pack is sent", meets(write_fails(drop=True)), "opened"),
    Cell("dropped once", "set-up: the first command", meets(call_fails(drop=True)), "opened"),
    Cell("cut off once", "set-up: the first command", meets(call_fails(cut=40)), "opened"),
    Cell("cut off once", "first call", meets(nothing, Before(call_fails(cut=40), WORK), again(FIX), FIRST, NOTES, SECOND, PULL, DONE), "opened",
         "The sandbox failed"),
    Cell("cut off once", "commit: collecting", meets(nothing, WORK, Before(call_fails(cut=40), FIRST), again(FIRST), NOTES, SECOND, PULL, DONE),
         "opened"),
    Cell("cut off once", "deliver", meets(nothing, WORK, Before(call_fails(cut=40), DONE)), "opened"),
    Cell("cut off twice", "deliver", meets(nothing, WORK, LOOK, Before(call_fails(cut=40, times=2), DONE)), "opened", "What was changed after"),
    # Its disk is full.
    Cell("disk full", "set-up: the pack is sent", meets(write_fails(**FULL)), "opened"),
    Cell("disk full", "a file is written", meets(nothing, WORK, FIRST, Before(write_fails(**FULL), NOTES), again(NOTE), SECOND, PULL, DONE), "opened", NEW),
    Cell("disk full always", "a file is written", meets(nothing, WORK, LOOK, Before(write_fails(**FULL, times=None), NOTE)), "failed", "larger disk", loses=frozenset({"call_notes"})),
    # It does not end.
    Cell("end: 500 once", "report: the sandbox is to end", meets(fails("e2b", "DELETE", "/sandboxes/", status=500)), "opened", "may live on"),
    Cell("end: dropped after it took effect", "report: the sandbox is to end",
         meets(fails("e2b", "DELETE", "/sandboxes/", after=True, drop=True)), "opened"),
)  # fmt: skip
