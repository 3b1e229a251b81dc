"""Main steps as processes of their own, for tests that stop them or let two of them meet."""

import contextlib
import time
from pathlib import Path

from standins.runner import spawn

BOT = "github-actions[bot]"


class Running:
    """The main step of a job as a process."""

    def __init__(self, job):
        environ = job.environ()
        self.job, self.log = job, Path(environ["GITHUB_STATE"]).parent / "log"
        with self.log.open("wb") as file:
            self.process = spawn(environ, file)

    def end(self, number):
        """Send the signal; what the step left, and the seconds that it took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        exit_code = self.process.wait(30)
        return self.job.collect(exit_code, self.log, time.monotonic() - began)

    def wait(self):
        """Wait for its own end; what the step left."""
        return self.job.collect(self.process.wait(60), self.log)


@contextlib.contextmanager
def starting():
    """Starts main steps; none outlives the block."""
    with contextlib.ExitStack() as running:

        def begin(job):
            process = Running(job)
            running.callback(process.process.wait)
            running.callback(process.process.kill)
            return process

        yield begin


def own_comments(stage):
    """The texts of our comments on the issue."""
    return [comment.body for comment in stage.repository.issues[1].comments if comment.user.login == BOT]


def branches(stage):
    """The names of all branches."""
    return stage.repository.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split()


def alive(stage):
    """The sandboxes that are alive."""
    return [sandbox.id for sandbox in stage.e2b.sandboxes.values() if sandbox.alive]


def until(condition):
    """Wait for what no request tells of."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
