"""The post step of runs that it must not misjudge."""

import signal
import threading
from pathlib import Path

import pytest

from standins.openai import call, reply, say
from standins.runner import spawn
from tests.projects import FIX


@pytest.mark.parametrize(
    ("inputs", "title"),
    [({"issue-number": "1"}, "Work on #\u200b1"), ({"task": "Make @add\nadd"}, "Make @\u200badd add")],
)
def test_rescued_work_has_a_title(stage, act, inputs, title):
    """What a killed run left is proposed under a title, also where the event says nothing of the issue."""
    begun = threading.Event()
    stage.e2b.on_command("sleep 300", lambda _: begun.set())
    stage.openai.play(reply(call("apply_patch", patch=FIX)), reply(call("run_command", command="sleep 300")))
    job = stage.job("schedule", stage.repository.event("schedule"), inputs=inputs)
    environ = job.environ()
    log = Path(environ["GITHUB_STATE"]).parent / "log"
    with log.open("wb") as file:
        process = spawn(environ, file)
    assert begun.wait(30)
    process.send_signal(signal.SIGKILL)
    job.collect(process.wait(30), log)

    post = act(job)

    (pull,) = stage.repository.pulls.values()
    assert (0, title) == (post.exit_code, pull.title)
    assert [False] == [sandbox.alive for sandbox in stage.e2b.sandboxes.values()]


def test_report_that_fails_is_no_cut_off_run(stage, act):
    """When a part of the last report cannot be written, the post step takes the run for ended all the same."""
    stage.openai.play(reply(say("It is right as it is.")))
    job = stage.label(1, variables={"GITHUB_STEP_SUMMARY": "/nowhere/summary"})

    main, post = act(job), act(job)

    assert (0, 0) == (main.exit_code, post.exit_code)
    assert "│ FileNotFoundError" in main.log
    assert "\nTraceback" not in main.log
    (comment,) = stage.repository.issues[1].comments
    assert "It is right as it is." in comment.body
