"""What all parts of a run share."""

import contextlib
import json
import time

import pytest

from ai_dev.budget import Budget
from ai_dev.log import Log
from ai_dev.redaction import Redactor
from ai_dev.report import Report
from ai_dev.runner import Runner
from ai_dev.session import DELIVERY, Session
from ai_dev.settings import SECRETS, input_name


@pytest.mark.parametrize(("state", "expected"), [({}, 45 * 60 + DELIVERY), ({"STATE_began": "yes"}, 180)])
def test_how_long_github_is_asked_again(directory, state, expected):
    """The main step has the time of the run and of its delivery; the post step, which GitHub ends after five minutes, less."""
    event = directory / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "main"}}))
    environ = {
        **dict.fromkeys(map(input_name, SECRETS), "secret"), **state,
        "INPUT_TASK": "Add notes", "GITHUB_REPOSITORY": "octo/demo", "GITHUB_EVENT_PATH": str(event),
    }  # fmt: skip
    runner, redactor = Runner.of(environ), Redactor()
    with contextlib.ExitStack() as closing:
        session = Session.open(environ, runner, Report(runner, redactor, Log(redactor), Budget(0, 0)), closing)

    assert pytest.approx(time.monotonic() + expected, abs=30) == session.repository.until
