"""Work -> its result, later: in a thread that no exit waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Result = TypeVar("_Result")


def begin(work: Callable[[], _Result]) -> Future[_Result]:
    """Begin this now, in a thread that no exit waits for."""
    future: Future[_Result] = Future()

    def carry_out() -> None:
        try:
            future.set_result(work())
        except BaseException as e:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(e)

    threading.Thread(target=carry_out, daemon=True).start()
    return future
