"""Requests on a socket -> a fork for each sandbox, which becomes its process 1, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket

from . import init


def main(fd: int) -> None:
    """Serve on the inherited socket, until the other side closes it."""
    requests = socket.socket(fileno=fd)
    requests.set_inheritable(False)
    running: set[int] = set()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            request, fds = init.receive(requests)
            if "end" in request:
                pid = request["end"]
                _end(pid, running)
            else:
                pid = _start(request["start"], fds[0], requests)
                running.add(pid)
            init.send(requests, {"pid": pid})


def _start(arguments: list[str], connection: int, requests: socket.socket) -> int:
    if pid := os.fork():
        os.close(connection)
        return pid
    try:
        requests.close()
        init.run(socket.socket(fileno=connection), *arguments)
    finally:
        os._exit(0)


def _end(pid: int, running: set[int]) -> None:
    if pid in running:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        running.remove(pid)
