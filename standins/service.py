"""What the three stand-ins share: a loopback HTTP server, a journal of requests, and faults to order."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import IO, Any, ClassVar, Self

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

KEPT_OF_A_BODY = 8 << 20
"""Bytes of a request's body that the journal keeps."""


@dataclass
class Sent:
    """One request as a service received it, and how it was answered."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    at: float = field(default_factory=time.monotonic)
    body: bytearray = field(default_factory=bytearray)
    status: int | None = None
    """None while it is worked on, and when the connection was dropped without an answer."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(bytes(self.body))


@dataclass
class Fault:
    """What to do to the requests whose method and path match, instead of or after the true answer."""

    method: str
    path: str
    """A regular expression, searched in the path."""
    status: int | None = None
    """Answer with this status, without doing what was asked (unless ``after``)."""
    body: bytes | str | dict[str, Any] = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds to wait before the answer."""
    hold: threading.Event | None = None
    """Wait until it is set before the answer."""
    drop: bool = False
    """Close the connection without an answer."""
    cut: int | None = None
    """Send this many bytes of the answer's body, then close the connection."""
    after: bool = False
    """Do what was asked first, then answer so: the client cannot know that it took effect."""
    times: int | None = 1
    """How often; None is always."""
    skip: int = 0
    """How many matching requests pass first."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Is set when a request has met it: what was asked is done, if it is to be; the answer is yet to come."""


class Service:
    """One HTTP service on a free port of 127.0.0.1; a context manager that serves while it is open.

    A subclass gives ``url_map`` (its endpoints are names of its methods, called with the request and the
    path's values) and may override ``error`` for the service's own form of an error body.
    """

    url_map: ClassVar[Map]

    def __init__(self) -> None:
        self.journal: list[Sent] = []
        self.faults: list[Fault] = []
        self.problems: list[str] = []
        """Requests that broke the protocol's rules, in words; a test that finds any has failed."""
        self.changed = threading.Condition()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # what waits for a request notices at once, where the system lets it
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, method: str, path: str, **how: Any) -> Fault:
        """Order a fault (the fields of ``Fault``) for requests that match; give it back."""
        fault = Fault(method, path, **how)
        self.faults.append(fault)
        return fault

    def requests(self, method: str = "", path: str = "") -> list[Sent]:
        """The journal's requests with this method whose path matches the regular expression."""
        with self.changed:
            return [s for s in self.journal if method in ("", s.method) and re.search(path, s.path)]

    def wait_for(self, method: str, path: str, count: int = 1, timeout: float = 30) -> list[Sent]:
        """Wait until that many matching requests have arrived (not: been answered). TimeoutError if they do not."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.requests(method, path)) >= count, timeout):
                raise TimeoutError(f"no {method} {path} within {timeout} s")
        return self.requests(method, path)

    def error(self, status: int, message: str) -> Response:
        """The service's own form of an error."""
        return Response(json.dumps({"message": message}), status, content_type="application/json")

    def find_path(self, path: str) -> str:
        """The path to route by; a subclass may take a prefix away."""
        return path

    def respond(self, request: Request) -> Response:
        """Route the request to its method."""
        try:
            endpoint, values = self.url_map.bind("127.0.0.1").match(self.find_path(request.path), request.method)
        except NotFound:
            self.problems.append(f"no such address: {request.method} {request.path}")
            return self.error(404, "Not Found")
        except HTTPException as e:
            self.problems.append(f"{e.code}: {request.method} {request.path}")
            return self.error(e.code or 500, e.name)
        handle: Callable[..., Response] = getattr(self, endpoint)
        return handle(request, **values)

    def answer(self, request: Request, sent: Sent) -> Response | None:
        """The response, with the faults that were ordered; None to drop the connection."""
        with self.changed:
            self.journal.append(sent)
            fault = self._take_fault(sent)
            self.changed.notify_all()
        if fault is None:
            return self.respond(request)
        true = self.respond(request) if fault.after or (fault.status is None and not fault.drop) else None
        fault.reached.set()
        if fault.hold is not None:
            fault.hold.wait(60)
        time.sleep(fault.delay)
        if fault.drop:
            return None
        if fault.status is not None:
            text = json.dumps(fault.body) if isinstance(fault.body, dict) else fault.body
            kind = "application/json" if isinstance(fault.body, dict) else "text/html"
            return Response(text, fault.status, {"Content-Type": kind, **fault.headers})
        assert true is not None
        if fault.cut is not None:
            true.response = _cut(true.iter_encoded(), fault.cut)
            true.headers.pop("Content-Length", None)
        return true

    def _take_fault(self, sent: Sent) -> Fault | None:
        for fault in self.faults:
            if fault.method not in ("", sent.method) or not re.search(fault.path, sent.path) or fault.times == 0:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


class Cut(Exception):
    """Raised in an answer's body: close the connection here."""


def _cut(body: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in body:
        if len(chunk) >= size:
            yield chunk[:size]
            raise Cut
        size -= len(chunk)
        yield chunk
    raise Cut


class _Recorder:
    """A request's body on its way to the service: read through, and kept for the journal."""

    def __init__(self, stream: IO[bytes], left: int | None, kept: bytearray) -> None:
        self._stream, self._left, self._kept = stream, left, kept

    def read(self, size: int = -1) -> bytes:
        if self._left is None:
            data = self._stream.read(size)
        else:
            data = self._stream.read(self._left if size < 0 else min(size, self._left))
            self._left -= len(data)
        self._kept += data[: KEPT_OF_A_BODY - len(self._kept)]
        return data

    def readline(self, size: int = -1) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n") and len(line) != size and (byte := self.read(1)):
            line += byte
        return bytes(line)


class _Handler(WSGIRequestHandler):
    server: _Server
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        length = environ.get("CONTENT_LENGTH")
        chunked = environ.get("wsgi.input_terminated", False)
        sent = Sent(self.command, environ["PATH_INFO"], {}, dict(self.headers.items()))
        body = _Recorder(environ["wsgi.input"], None if chunked else int(length or 0), sent.body)
        environ["wsgi.input"], environ["wsgi.input_terminated"] = body, True
        request = Request(environ)
        sent.query = request.args.to_dict()
        response = self.server.service.answer(request, sent)
        try:
            while body.read(1 << 16):
                pass
            if response is None:
                self.close_connection = True
                return
            sent.status = response.status_code
            self._write(response)
        except Cut:
            self.close_connection = True
        finally:
            if response is not None:
                response.close()

    def _write(self, response: Response) -> None:
        if response.is_sequence:
            response.headers["Content-Length"] = str(response.calculate_content_length() or 0)
        chunked = "Content-Length" not in response.headers and response.status_code not in (204, 304)
        self.send_response(response.status_code)
        for name, value in response.headers:
            if not (name == "Content-Length" and response.status_code in (204, 304)):
                self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        for data in response.iter_encoded():
            if data:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_request(self, *_: object) -> None:
        """The journal is the log."""

    def log_error(self, *_: object) -> None:
        """What is no HTTP is answered, and is no request."""


class _Server(ThreadingMixIn, BaseWSGIServer):
    daemon_threads = True
    multithread = True

    def __init__(self, service: Service) -> None:
        self.service = service
        super().__init__("127.0.0.1", 0, app=lambda *_: [], handler=_Handler)
