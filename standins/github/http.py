"""Git's smart HTTP protocol, spoken by ``git http-backend``. Fetching only: what is pushed comes through the API."""

from __future__ import annotations

import gzip
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from io import BufferedReader
from typing import cast

from werkzeug.wrappers import Request, Response

from .api import Api, at
from .call import Refused
from .git import environment
from .repository import Repository
from .state import LEVELS

CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}
TIME_LIMIT = 120
"""Seconds that one answer of git may take."""


class SmartHTTP(Api):
    """The two addresses that a fetch asks."""

    @at("GET", "/<owner>/<name>.git/info/refs", under="/git")
    def advertise(self, request: Request, owner: str, name: str) -> Response:
        """What the server can do and, in the older protocols, its refs."""
        service = request.args.get("service", "")
        return self._serve(request, f"{owner}/{name}", "/info/refs", f"service={service}", service)

    @at("POST", "/<owner>/<name>.git/<service>", under="/git")
    def speak(self, request: Request, owner: str, name: str, service: str) -> Response:
        """One turn of the conversation: a list of refs, or a pack."""
        return self._serve(request, f"{owner}/{name}", f"/{service}", "", service)

    def _serve(self, request: Request, full_name: str, path: str, query: str, service: str) -> Response:
        repository = self._repository(request, full_name)
        if service != "git-upload-pack":
            raise Refused(403, "Write access to repository not granted.")
        return run_backend(repository, request, path, query)

    def _repository(self, request: Request, full_name: str) -> Repository:
        try:
            token = self.find_token(request)
        except Refused as e:
            raise Refused(401, "Invalid username or token.", headers=CHALLENGE) from e
        try:
            repository = self.find_repository(full_name, token)
        except Refused as e:
            if token.kind == "anonymous":
                raise Refused(401, "Repository not found.", headers=CHALLENGE) from e
            raise Refused(404, "Repository not found.") from e
        if repository.level(token, "contents") < LEVELS.index("read"):
            raise Refused(403, "Access to repository not granted.")
        return repository


def run_backend(repository: Repository, request: Request, path: str, query: str) -> Response:
    """Let git answer a request, as the gateway script that it is."""
    body = _body(request)
    variables = {
        "GIT_PROJECT_ROOT": str(repository.git_dir),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
    }
    with tempfile.TemporaryFile() as given:
        given.write(body)
        given.seek(0)
        process = subprocess.Popen(
            ["git", "http-backend"],
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment() | variables,
        )
    watchdog = threading.Timer(TIME_LIMIT, process.kill)
    watchdog.daemon = True
    watchdog.start()
    status, headers = _head(process)
    return Response(_Output(process, watchdog), status, headers)


def _body(request: Request) -> bytes:
    data = request.get_data()
    return gzip.decompress(data) if request.headers.get("Content-Encoding") == "gzip" else data


def _head(process: subprocess.Popen[bytes]) -> tuple[int, list[tuple[str, str]]]:
    assert process.stdout is not None
    status, headers = 200, []
    while line := process.stdout.readline().strip():
        name, _, value = line.decode("latin-1").partition(": ")
        if name == "Status":
            status = int(value[:3])
        else:
            headers.append((name, value))
    return status, headers


class _Output:
    """What the process prints; ``close`` ends it, whether or not all was read."""

    def __init__(self, process: subprocess.Popen[bytes], watchdog: threading.Timer) -> None:
        self._process, self._watchdog = process, watchdog

    def __iter__(self) -> Iterator[bytes]:
        output = cast(BufferedReader, self._process.stdout)
        while data := output.read1(1 << 16):
            yield data

    def close(self) -> None:
        assert self._process.stdout is not None
        self._watchdog.cancel()
        self._process.kill()
        self._process.stdout.close()
        self._process.wait()
