"""The clock above a run: what no call of a service can hold for ever."""

import queue
from types import SimpleNamespace

from ai_dev import main
from ai_dev.budget import Budget
from ai_dev.errors import Status
from ai_dev.report import Ending

OVERDUE, DONE = Ending(Status.STOPPED), Ending(Status.OPENED)


def wait(seconds, *endings):
    """The ending of a run that began with so much time, of which these were told."""
    told = queue.SimpleQueue()
    for ending in endings:
        told.put(ending)
    return main._wait(told, SimpleNamespace(budget=Budget(1, seconds)), OVERDUE)


def test_a_run_that_is_long_overdue_is_ended(monkeypatch):
    """Behind its limit a run has time to deliver; when that is over too, it ends whatever holds it."""
    monkeypatch.setattr(main, "_LOOK", 0.01)

    assert OVERDUE is wait(-main.DELIVERY - 1)
    assert DONE is wait(-main.DELIVERY - 1, DONE)
    assert DONE is wait(60, DONE)
