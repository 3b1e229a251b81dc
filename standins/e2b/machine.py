"""A directory -> a running sandbox seen from outside: what its process 1 can be asked for."""

from __future__ import annotations

import atexit
import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .inside import init
from .inside.namespaces import PATH, USER_ID
from .processes import Process

PATIENCE = 30.0
"""Seconds that a sandbox's process 1 has for an answer."""
START = "import sys; sys.path.append(sys.argv[1]); from inside.nursery import main; main(int(sys.argv[2]))"
"""What process 1 is a fork of; its package is imported alone, not as a part of this one."""

PROFILE = """PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games
export PATH
"""
"""What Debian's gives to its users, without asking who they are."""


class Gone(EOFError):
    """The sandbox is dead."""


class Nursery:
    """A process that has imported what a sandbox's process 1 needs; those are its forks, which start in no time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(PATIENCE)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", START, str(Path(__file__).parent), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={},
            )

    def start(self, connection: socket.socket, *arguments: str) -> int:
        """Start a sandbox's process 1 with its end of the connection; the number of the process that answers for it."""
        return self._ask({"start": arguments}, [connection.fileno()])

    def end(self, pid: int) -> None:
        """End what was started; returns when every process of the sandbox is gone, at once if they are."""
        self._ask({"end": pid})

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.wait(PATIENCE)

    def _ask(self, request: Mapping[str, Any], fds: Sequence[int] = ()) -> int:
        with self._lock:
            init.send(self._connection, dict(request), fds)
            reply, _ = init.receive(self._connection)
        return int(reply["pid"])


@cache
def nursery() -> Nursery:
    """The one of this process."""
    made = Nursery()
    atexit.register(made.close)
    return made


@dataclass
class Machine:
    """One sandbox's directory and its process 1."""

    directory: Path
    isolation: str
    hidden: Sequence[str] = ()
    processes: dict[int, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        for inner in ("home/user", "tmp"):
            (self.directory / inner).mkdir(parents=True)
        (self.directory / "passwd").write_text(
            f"root:x:0:0:root:/root:/bin/bash\nuser:x:{USER_ID}:{USER_ID}::/home/user:/bin/bash\n"
        )
        (self.directory / "gitconfig").touch()
        (self.directory / "profile").write_text(PROFILE)
        (self.directory / "hosts").write_text("127.0.0.1 localhost\n")
        (self.directory / "group").write_text(f"root:x:0:\nuser:x:{USER_ID}:\n")
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(PATIENCE)
        with theirs:
            self._init = nursery().start(theirs, str(self.directory), self.isolation, *self.hidden)
        try:
            _result(*init.receive(self._connection))
        except BaseException:
            self.end()
            raise

    @property
    def paths(self) -> Mapping[str, str]:
        """The environment that says where things are."""
        if self.isolation == "namespaces":
            return {"HOME": "/home/user"}
        return {"HOME": str(self.directory / "home/user"), "TMPDIR": str(self.directory / "tmp")}

    def ask(self, do: str, fds: Sequence[int] = (), **arguments: Any) -> Any:
        """Have process 1 do something; an open file comes as (descriptor, size). OSError, or Gone."""
        with self._lock:
            try:
                init.send(self._connection, {"do": do, **arguments}, fds)
                reply, opened = init.receive(self._connection)
            except (OSError, EOFError) as e:
                raise Gone from e
        return _result(reply, opened)

    def start(self, config: Mapping[str, Any], envs: Mapping[str, str], *, stdin: bool, closed: bool) -> Process:
        """Start a process as envd's Start asks for it; its output is not read before ``Process.run``."""
        process = Process(config, self.ask)
        usual = {"USER": "user", "PATH": PATH, "LANG": "C.UTF-8"}
        process.start({**usual, **self.paths, **envs}, stdin=stdin, closed=closed)
        self.processes[process.pid] = process
        return process

    def end(self) -> None:
        """Kill every process of the sandbox; returns when they are gone."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        nursery().end(self._init)
        with self._lock:
            self._connection.close()


def _result(reply: Mapping[str, Any], opened: Sequence[int]) -> Any:
    if "errno" in reply:
        raise OSError(reply["errno"], reply["message"])
    return (opened[0], reply["result"]) if opened else reply["result"]


@cache
def isolation() -> str:
    """Say "namespaces" where the kernel allows what a sandbox needs, else "none"; found out once, by trying."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            Machine(Path(directory) / "probe", "namespaces").end()
        except (OSError, EOFError):
            return "none"
    return "namespaces"
