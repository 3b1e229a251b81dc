"""Process 1 of a stand-in sandbox: requests on a socket -> processes and open files, until the socket ends.

A request is one JSON object after its length, its files ride along; so is the answer. The end of the socket, the
owner's death included, ends every process of the sandbox.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from . import files, namespaces

MOST_FILES = 4
"""Files that one message may carry."""


def send(connection: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message and its open files."""
    data = json.dumps(message).encode()
    socket.send_fds(connection, [len(data).to_bytes(4, "big")], list(fds))
    connection.sendall(data)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive one message and its open files; EOFError when the other side is gone."""
    head, fds, _, _ = socket.recv_fds(connection, 4, MOST_FILES)
    for fd in fds:
        os.set_inheritable(fd, False)
    size = int.from_bytes(head + _read(connection, 4 - len(head)), "big")
    message: dict[str, Any] = json.loads(_read(connection, size))
    return message, fds


def _read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        if not (more := connection.recv(size - len(data))):
            raise EOFError
        data += more
    return bytes(data)


class Init:
    """Starts processes and opens files for the owner of the socket, and reaps whatever ends."""

    def __init__(self, connection: socket.socket, home: Path, network: int | None) -> None:
        self._connection, self._home, self._network = connection, home, network
        self._running: dict[int, int] = {}  # process -> the pipe that its end is told on

    def serve(self) -> None:
        """Answer requests until the other side closes the socket."""
        bell, ring = socket.socketpair()
        bell.setblocking(False)
        ring.setblocking(False)
        signal.set_wakeup_fd(ring.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector, contextlib.suppress(EOFError, ConnectionError):
            selector.register(bell, selectors.EVENT_READ)
            selector.register(self._connection, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is bell:
                        bell.recv(4096)
                        self._reap()
                    else:
                        self._answer()
        signal.set_wakeup_fd(-1)

    def _answer(self) -> None:
        request, fds = receive(self._connection)
        opened: list[int] = []
        try:
            result = self._do(request, fds)
            if request["do"] in {"open_to_read", "open_to_write"}:
                opened = [result]
                result = os.fstat(result).st_size
            reply = {"result": result}
        except OSError as e:
            reply = {"errno": e.errno or errno.EIO, "message": e.strerror or str(e)}
        finally:
            for fd in fds:
                os.close(fd)
        send(self._connection, reply, opened)
        for fd in opened:
            os.close(fd)

    def _do(self, request: dict[str, Any], fds: list[int]) -> Any:
        arguments = {k: v for k, v in request.items() if k != "do"}
        match request["do"]:
            case "spawn":
                return self._spawn(arguments, fds)
            case "signal":
                return self._signal(**arguments)
            case what:
                paths = {"path", "source", "destination"} & set(arguments)
                return getattr(files, what)(**arguments | {p: self._path(arguments[p]) for p in paths})

    def _path(self, path: str) -> Path:
        found = Path(os.path.normpath(self._home / path))
        if self._network is None and not found.is_relative_to(self._home.parents[1]):
            raise PermissionError(errno.EACCES, f"without namespaces, '{path}' is this machine's own")
        return found

    def _signal(self, pid: int, number: int) -> None:
        if pid not in self._running:
            raise ProcessLookupError(errno.ESRCH, f"process with pid {pid} not found")
        os.kill(pid, number)

    def _spawn(self, process: dict[str, Any], fds: list[int]) -> int:
        cwd = self._path(process["cwd"] or "")
        if not cwd.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"cwd '{cwd}' does not exist")
        failed, fail = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become(process, cwd, fds, fail)
        os.close(fail)
        with os.fdopen(failed, "rb") as pipe:
            number = int(pipe.read() or 0)
        if number:
            raise OSError(number, f"fork/exec {process['cmd']}: {os.strerror(number).lower()}")
        self._running[pid] = os.dup(fds[3])
        return pid

    def _become(self, process: dict[str, Any], cwd: Path, fds: list[int], fail: int) -> NoReturn:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(ignored, signal.SIG_DFL)
            os.setsid()
            if process["closed"] and self._network is not None:
                namespaces.join_network(self._network)
            for target in range(3):
                os.dup2(fds[target], target)
            os.chdir(cwd)
            os.execvpe(process["cmd"], [process["cmd"], *process["args"]], process["envs"])
        except OSError as e:
            os.write(fail, str(e.errno).encode())
        finally:
            os._exit(127)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if (told := self._running.pop(pid, None)) is not None:
                    with contextlib.suppress(BrokenPipeError):
                        os.write(told, str(status).encode())
                    os.close(told)

    def end_all(self) -> None:
        """Kill the descendants that no namespace kills: each that ends hands its own children up to this process."""
        while True:
            for pid in {*self._running, *_children()}:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            try:
                self._running.pop(os.waitpid(-1, 0)[0], None)
            except ChildProcessError:
                return


def _children() -> set[int]:
    try:
        return {int(p) for p in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}
    except OSError:
        return set()


def run(connection: socket.socket, directory: str, isolation: str, *hidden: str) -> None:
    """Serve on the socket; the first message says that the sandbox is ready, or why it cannot be."""
    if isolation == "namespaces":
        try:
            namespaces.enter(Path(directory), hidden)
            network = namespaces.closed_network()
        except OSError as e:
            send(connection, {"errno": e.errno or errno.EIO, "message": str(e)})
            return
        send(connection, {"result": None})
        Init(connection, Path("/home/user"), network).serve()
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    namespaces.adopt_orphans()
    init = Init(connection, Path(directory) / "home/user", None)
    send(connection, {"result": None})
    init.serve()
    init.end_all()
