"""envd, the daemon in each sandbox, as HTTP: files over REST, file system and processes over Connect's JSON."""

from __future__ import annotations

import base64
import errno
import json
import re
import signal
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from standins.service import Cut, Service

from .answers import Refused, answer, connect_error, file_error, gone
from .machine import Gone
from .processes import END, GONE, Listener, Process, frame
from .sandbox import SandboxState

STREAM = "application/connect+json"
BLOCK = 256 << 10
SIGNALS = {"SIGNAL_SIGKILL": signal.SIGKILL, "SIGNAL_SIGTERM": signal.SIGTERM}

Action = Callable[[SandboxState], object]


def rules() -> list[Rule]:
    """The addresses of envd."""
    return [
        Rule("/health", endpoint="health", methods=["GET"]),
        Rule("/files", endpoint="download", methods=["GET"]),
        Rule("/files", endpoint="upload", methods=["POST"]),
        Rule(
            "/filesystem.Filesystem/<any(Stat,ListDir,MakeDir,Move,Remove):method>",
            endpoint="filesystem",
            methods=["POST"],
        ),
        Rule(
            "/process.Process/<any(List,SendInput,SendSignal,CloseStdin):method>", endpoint="process", methods=["POST"]
        ),
        Rule("/process.Process/Start", endpoint="start", methods=["POST"]),
        Rule("/process.Process/Connect", endpoint="attach", methods=["POST"]),
    ]


class Envd(Service):
    """The part of the stand-in that plays envd, for all sandboxes: a header says which one is meant."""

    def __init__(self) -> None:
        super().__init__()
        self.sandboxes: dict[str, SandboxState] = {}
        """All there were, by id; the dead ones too."""
        self._hooks: list[tuple[re.Pattern[str], Action]] = []

    def on_command(self, regex: str, action: Action) -> None:
        """Call ``action`` with the sandbox before each command that matches starts."""
        self._hooks.append((re.compile(regex), action))

    def respond(self, request: Request) -> Response:
        """Route the request; a refusal or the sandbox's sudden end is its answer."""
        try:
            return super().respond(request)
        except Refused as e:
            return e.response
        except Gone:
            return gone(request.headers.get("E2b-Sandbox-Id", ""))

    def admit(self, request: Request) -> SandboxState:
        """The living sandbox that a request is for, its token checked; else Refused."""
        named = request.headers.get("E2b-Sandbox-Id", "")
        sandbox = self.sandboxes.get(named)
        if sandbox is None or not sandbox.alive:
            raise Refused(gone(named))
        if request.path != "/health" and request.headers.get("X-Access-Token") != sandbox.token:
            message = "unauthorized access, please provide a valid access token"
            raise Refused(answer({"code": 401, "message": message}, 401))
        return sandbox

    def health(self, request: Request) -> Response:
        """Whether the sandbox is there."""
        self.admit(request)
        return Response(status=204)

    def download(self, request: Request) -> Response:
        """A file's bytes, streamed."""
        path = request.args.get("path", "")
        try:
            fd, size = self.admit(request).machine.ask("open_to_read", path=path)
        except OSError as e:
            return file_error(e, path)
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        return Response(_blocks(fd, size), headers=headers)

    def upload(self, request: Request) -> Response:
        """Write one file from the body, or each part of a form."""
        sandbox = self.admit(request)
        path, zipped = request.args.get("path"), request.headers.get("Content-Encoding") == "gzip"
        if request.mimetype == "application/octet-stream":
            sources = [(path or "", request.stream)]
        else:
            sources = [(path or part.filename or "", part.stream) for part in request.files.getlist("file")]
        written = []
        for target, source in sources:
            blocks = _read(source)
            try:
                fd, _ = sandbox.machine.ask("open_to_write", path=target)
                with open(fd, "wb") as file:
                    file.writelines(_inflate(blocks) if zipped else blocks)
            except OSError as e:
                return file_error(e, target)
            written.append({"name": Path(target).name, "type": "file", "path": target})
        return answer(written)

    def filesystem(self, request: Request, method: str) -> Response:
        """One call of the file system service."""
        machine = self.admit(request).machine
        asked = request.get_json()
        path = asked.get("path", "")
        try:
            match method:
                case "Stat":
                    return answer({"entry": machine.ask("entry", path=path)})
                case "ListDir":
                    return answer({"entries": machine.ask("entries", path=path, depth=asked.get("depth", 1))})
                case "MakeDir":
                    return answer({"entry": machine.ask("make_directory", path=path)})
                case "Move":
                    where = {k: asked.get(k, "") for k in ("source", "destination")}
                    return answer({"entry": machine.ask("move", **where)})
                case _:
                    machine.ask("remove", path=path)
                    return answer({})
        except OSError as e:
            return connect_error(e)

    def process(self, request: Request, method: str) -> Response:
        """One call of the process service that is not a stream."""
        sandbox = self.admit(request)
        running = sandbox.machine.processes
        if method == "List":
            return answer({"processes": [{"config": p.config, "pid": p.pid} for p in running.copy().values()]})
        asked = request.get_json()
        try:
            process = _find(sandbox, asked)
            match method:
                case "SendSignal":
                    process.signal(SIGNALS[asked["signal"]])
                case "SendInput":
                    process.write(base64.b64decode(asked["input"]["stdin"]))
                case _:
                    process.close_stdin()
        except OSError as e:
            return connect_error(e)
        return answer({})

    def start(self, request: Request) -> Response:
        """Start a process and stream what it says; the deadline kills it, and nothing that it started."""
        sandbox, asked = self.admit(request), self._message(request)
        config = asked["process"]
        for regex, action in self._hooks:
            if any(regex.search(a) for a in config.get("args", [])):
                action(sandbox)
        deadline, seconds = _deadline(request)
        sandbox = self.admit(request)
        envs = {**sandbox.envs, **config.get("envs", {})}
        try:
            process = sandbox.machine.start(config, envs, stdin=asked.get("stdin", True), closed=sandbox.closed)
        except OSError as e:
            message = f"error starting process '{config['cmd']}': {e.strerror}"
            return stream([_failure("invalid_argument", message)])
        listener = process.listen()
        process.run(seconds, lambda p: sandbox.machine.processes.pop(p.pid, None))
        return stream(_events(process, listener, deadline, _keep_alive(request)))

    def attach(self, request: Request) -> Response:
        """Stream what a running process says from now on."""
        sandbox, asked = self.admit(request), self._message(request)
        try:
            process = _find(sandbox, asked)
            listener = process.listen()
        except ProcessLookupError as e:
            return stream([_failure("not_found", str(e.strerror))])
        return stream(_events(process, listener, _deadline(request)[0], _keep_alive(request)))

    def _message(self, request: Request) -> Any:
        """The one message of a stream's request."""
        if request.content_type != STREAM:
            self.problems.append(f"{request.path}: content type {request.content_type}")
            raise Refused(Response(status=415))
        data = request.get_data()
        if data[0] != 0 or int.from_bytes(data[1:5], "big") != len(data) - 5:
            self.problems.append(f"{request.path}: not one whole frame")
        return json.loads(data[5:])


def stream(frames: Iterable[bytes]) -> Response:
    """A stream of frames."""
    return Response(iter(frames), content_type=STREAM)


def _events(process: Process, listener: Listener, deadline: float | None, keep_alive: float | None) -> Iterator[bytes]:
    yield frame({"event": {"start": {"pid": process.pid}}})
    try:
        for data in listener.frames(deadline, keep_alive):
            if data == GONE:
                raise Cut
            yield frame({}, flags=2) if data == END else data
    except TimeoutError:
        yield _failure("deadline_exceeded", "context deadline exceeded")


def _failure(code: str, message: str) -> bytes:
    return frame({"error": {"code": code, "message": message}}, flags=2)


def _find(sandbox: SandboxState, asked: dict[str, Any]) -> Process:
    pid = asked["process"].get("pid", 0)
    if (process := sandbox.machine.processes.get(pid)) is None:
        raise ProcessLookupError(errno.ESRCH, f"process with pid {pid} not found")
    return process


def _deadline(request: Request) -> tuple[float | None, float | None]:
    """When the request ends, on the monotonic clock, and how many seconds that is from now."""
    if not (milliseconds := request.headers.get("Connect-Timeout-Ms")):
        return None, None
    seconds = int(milliseconds) / 1000
    return time.monotonic() + seconds, seconds


def _keep_alive(request: Request) -> float | None:
    seconds = request.headers.get("Keepalive-Ping-Interval")
    return float(seconds) if seconds else None


def _blocks(fd: int, size: int) -> Iterator[bytes]:
    with open(fd, "rb") as file:
        while size and (data := file.read(min(BLOCK, size))):
            size -= len(data)
            yield data


def _read(source: IO[bytes]) -> Iterator[bytes]:
    while data := source.read(BLOCK):
        yield data


def _inflate(blocks: Iterable[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj(wbits=31)
    for block in blocks:
        yield inflater.decompress(block)
    yield inflater.flush()
