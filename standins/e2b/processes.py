"""A process in a sandbox, seen from outside: its output as the frames of envd's stream, its input, its end."""

from __future__ import annotations

import base64
import contextlib
import json
import math
import os
import queue
import selectors
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

CHUNK = 32 << 10
"""Bytes of output in one event, at most."""
PATIENCE = 30.0
"""Seconds that a client may take nothing before it counts as gone."""
SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    6: "aborted",
    9: "killed",
    11: "segmentation fault",
    15: "terminated",
}
"""What Go, in which envd is written, calls them."""
END, GONE = b"end", b"gone"
"""What a listener hears last: the process has ended and its end was told, or the sandbox died with it."""


class Process:
    """A process in a sandbox; what it writes goes to whoever listens at the time, and waits for the slowest."""

    def __init__(self, config: Mapping[str, Any], ask: Callable[..., Any]) -> None:
        self.config = config
        self.pid = 0
        self._ask = ask
        self._stdin: int | None = None
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._ended = False
        self._deadline: threading.Timer | None = None

    def start(self, envs: Mapping[str, str], *, stdin: bool, closed: bool) -> None:
        """Start it; its output waits in the pipes. OSError: no such program or directory, or too long an argument."""
        (out, stdout), (err, stderr), (told, tell) = (os.pipe() for _ in range(3))
        given_stdin, self._stdin = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), None)
        given = [given_stdin, stdout, stderr, tell]
        self._outputs = (out, err, told)
        asked = {"cmd": self.config["cmd"], "args": self.config.get("args", []), "cwd": self.config.get("cwd")}
        try:
            self.pid = self._ask("spawn", given, **asked, envs=dict(envs), closed=closed)
        except BaseException:
            for fd in self._outputs:
                os.close(fd)
            self.close_stdin()
            raise
        finally:
            for fd in given:
                os.close(fd)

    def run(self, seconds: float | None, ended: Callable[[Process], object]) -> None:
        """Begin to read its output; kill it, but not what it started, after so many seconds."""
        if seconds is not None:
            self._deadline = threading.Timer(seconds, self._expire)
            self._deadline.daemon = True
            self._deadline.start()
        threading.Thread(target=self._read, args=(*self._outputs, ended), daemon=True).start()

    def listen(self) -> Listener:
        """Hear all that it writes from now on. ProcessLookupError when it has ended."""
        with self._lock:
            if self._ended:
                raise ProcessLookupError
            listener = Listener()
            self._listeners.append(listener)
            return listener

    def signal(self, number: int) -> None:
        """Send a signal to it alone."""
        self._ask("signal", pid=self.pid, number=number)

    def write(self, data: bytes) -> None:
        """Write to its standard input. BrokenPipeError when it has none."""
        if self._stdin is None:
            raise BrokenPipeError("stdin not enabled or closed")
        while data:
            data = data[os.write(self._stdin, data) :]

    def close_stdin(self) -> None:
        """End its standard input."""
        with self._lock:
            fd, self._stdin = self._stdin, None
        if fd is not None:
            os.close(fd)

    def _expire(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            self.signal(signal.SIGKILL)

    def _read(self, out: int, err: int, told: int, ended: Callable[[Process], object]) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ, "stdout")
            selector.register(err, selectors.EVENT_READ, "stderr")
            while selector.get_map():
                for key, _ in selector.select():
                    if data := os.read(key.fd, CHUNK):
                        self._tell({"data": {key.data: base64.b64encode(data).decode()}})
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        status = os.read(told, 16)
        os.close(told)
        if self._deadline is not None:
            self._deadline.cancel()
        self.close_stdin()
        ended(self)
        self._end(_end_event(int(status)) if status else None)

    def _end(self, event: dict[str, Any] | None) -> None:
        with self._lock:
            self._ended = True
        if event is not None:
            self._tell({"end": event})
        for listener in self._listeners:
            listener.put(END if event is not None else GONE)

    def _tell(self, event: dict[str, Any]) -> None:
        with self._lock:
            listeners = list(self._listeners)
        data = frame({"event": event})
        for listener in listeners:
            listener.put(data)


class Listener:
    """One client's share in a process's output."""

    def __init__(self) -> None:
        self._queue: queue.Queue[bytes] = queue.Queue(64)
        self._closed = False

    def put(self, data: bytes) -> None:
        """Hand over, waiting while the client is slow; one that takes nothing for PATIENCE has stopped listening."""
        if not self._closed:
            try:
                self._queue.put(data, timeout=PATIENCE)
            except queue.Full:
                self._closed = True

    def frames(self, deadline: float | None, keep_alive: float | None) -> Iterator[bytes]:
        """Frames until the process has ended (END), the sandbox is gone (GONE), or the deadline: TimeoutError."""
        try:
            data = b""
            while data not in (END, GONE):
                data = self._next(deadline, keep_alive)
                yield data
        finally:
            self._closed = True
            with contextlib.suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()

    def _next(self, deadline: float | None, keep_alive: float | None) -> bytes:
        left = math.inf if deadline is None else max(0.0, deadline - time.monotonic())
        wait = min(left, keep_alive or PATIENCE)
        try:
            return self._queue.get(timeout=wait)
        except queue.Empty:
            if wait == left:
                raise TimeoutError from None
        return frame({"event": {"keepalive": {}}}) if keep_alive else b""


def frame(message: Mapping[str, Any], flags: int = 0) -> bytes:
    """One message of a stream: flags, length, JSON."""
    data = json.dumps(message).encode()
    return bytes([flags]) + len(data).to_bytes(4, "big") + data


def _end_event(status: int) -> dict[str, Any]:
    """What envd says at the end; fields that have their default are left out."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        text = f"signal: {SIGNALS.get(-code, f'signal {-code}')}" + " (core dumped)" * os.WCOREDUMP(status)
        return {"exitCode": -1, "status": text, "error": text}
    text = f"exit status {code}"
    return {"exited": True, "status": text, **({"exitCode": code, "error": text} if code else {})}
