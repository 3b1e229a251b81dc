"""A directory -> a running sandbox seen from outside: what its process 1 can be asked for."""

from __future__ import annotations

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
START = "import sys; sys.path.append(sys.argv[1]); from inside.init import main; main(*sys.argv[2:])"
"""Process 1; its package is imported alone, not as a part of this one."""


class Gone(EOFError):
    """The sandbox is dead."""


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
        (self.directory / "hosts").write_text("127.0.0.1 localhost\n")
        (self.directory / "group").write_text(f"root:x:0:\nuser:x:{USER_ID}:\n")
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(PATIENCE)
        arguments = [str(theirs.fileno()), str(self.directory), self.isolation, *self.hidden]
        with theirs:
            self._init = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", START, str(Path(__file__).parent), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={},
            )
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
        self._init.terminate()
        self._init.wait(PATIENCE)
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
