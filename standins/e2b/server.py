"""The control API: sandboxes are made, found, listed and ended."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qsl, unquote

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from .answers import Refused, answer
from .envd import Envd, rules
from .machine import Machine, isolation
from .sandbox import ENVD_VERSION, SandboxState

ENVD_PATHS = re.compile(r"/(health|files|(filesystem|process)\.\w+/\w+)$")
DEFAULT_LIFE = 300


class E2B(Envd):
    """The stand-in; sandboxes live in ``directory``, which the caller removes."""

    url_map: ClassVar[Map] = Map([
        *rules(),
        Rule("/v2/sandboxes", endpoint="create", methods=["POST"]),
        Rule("/v2/sandboxes", endpoint="list_sandboxes", methods=["GET"]),
        Rule("/v2/sandboxes/<sandbox_id>/connect", endpoint="connect", methods=["POST"]),
        Rule("/sandboxes/<sandbox_id>", endpoint="show", methods=["GET"]),
        Rule("/sandboxes/<sandbox_id>", endpoint="kill", methods=["DELETE"]),
        Rule("/sandboxes/<sandbox_id>/timeout", endpoint="set_timeout", methods=["POST"]),
        Rule("/sandboxes/<sandbox_id>/network", endpoint="set_network", methods=["PUT"]),
    ])  # fmt: skip

    def __init__(self, directory: Path, *, keys: Collection[str] = ("e2b_key",)) -> None:
        super().__init__()
        self.directory, self.keys = directory, keys
        self.isolation = isolation()
        self.home = "/home/user" if self.isolation == "namespaces" else "."
        """Put before a path, it means the same to commands and to the file API."""
        self.templates = {"base"}
        self.template_hides: dict[str, set[str]] = {}
        """Template -> commands that it lacks; needs namespaces."""
        self.max_timeout: int | None = None
        """Seconds of life that the plan allows."""
        self._by_key: dict[str, str] = {}
        self._lock = threading.RLock()
        self._closed = False

    def __exit__(self, *exception: object) -> None:
        self.close()
        super().__exit__(*exception)

    def close(self) -> None:
        """End every process of every sandbox, and allow no new one."""
        with self._lock:
            self._closed = True
            for sandbox in self.sandboxes.values():
                self._end(sandbox, None)

    def vanish(self, sandbox_id: str) -> None:
        """The sandbox is gone, as some are before their time."""
        self._end(self.sandboxes[sandbox_id], "fault")

    def respond(self, request: Request) -> Response:
        """Check who asks; then as ever."""
        if not ENVD_PATHS.match(request.path):
            if request.headers.get("X-API-KEY") not in self.keys:
                return self.error(401, "Invalid API key")
        elif any(key in value for key in self.keys for value in request.headers.values()):
            self.problems.append(f"the API key was sent to a sandbox: {request.method} {request.path}")
        return super().respond(request)

    def error(self, status: int, message: str) -> Response:
        """An error of the control API."""
        return answer({"code": status, "message": message}, status)

    def create(self, request: Request) -> Response:
        """Start a sandbox; the same idempotency key gives the same one."""
        asked = request.get_json()
        template, seconds = asked["templateID"], asked.get("timeout", DEFAULT_LIFE)
        if template not in self.templates | set(self.template_hides):
            return self.error(404, f"template '{template}' not found")
        self._check_life(seconds)
        if asked.get("autoPause"):
            self.problems.append("a sandbox that pauses at its timeout: it will be killed")
        key = request.headers.get("Idempotency-Key")
        with self._lock:
            if key is None or key not in self._by_key:
                sandbox = self._start(template, asked)
                self._set_end(sandbox, seconds)
                self._by_key[key or sandbox.id] = sandbox.id
            sandbox = self.sandboxes[self._by_key[key or sandbox.id]]
        return answer(_created(sandbox), 201)

    def list_sandboxes(self, request: Request) -> Response:
        """The living sandboxes that have all the metadata asked for, in pages."""
        pairs = parse_qsl(request.args.get("metadata", ""))
        wanted = {unquote(k): unquote(v) for k, v in pairs}
        found = [
            s.listed()
            for s in list(self.sandboxes.values())
            if s.alive and wanted.items() <= s.metadata.items() and "running" in request.args.get("state", "running")
        ]
        first, limit = int(request.args.get("nextToken", 0)), int(request.args.get("limit", 100))
        response = answer(found[first : first + limit])
        if first + limit < len(found):
            response.headers["X-Next-Token"] = str(first + limit)
        return response

    def show(self, _: Request, sandbox_id: str) -> Response:
        """One sandbox."""
        sandbox = self._living(sandbox_id)
        return answer({**sandbox.listed(), "envdAccessToken": sandbox.token, "network": sandbox.network})

    def connect(self, request: Request, sandbox_id: str) -> Response:
        """Find a living sandbox again; its life may become longer, never shorter."""
        sandbox = self._living(sandbox_id)
        seconds = request.get_json().get("timeout", DEFAULT_LIFE)
        self._check_life(seconds)
        if datetime.now(UTC) + timedelta(seconds=seconds) > sandbox.ends_at:
            self._set_end(sandbox, seconds)
        return answer(_created(sandbox))

    def kill(self, _: Request, sandbox_id: str) -> Response:
        """End a sandbox."""
        self._end(self._living(sandbox_id), "request")
        return Response(status=204)

    def set_timeout(self, request: Request, sandbox_id: str) -> Response:
        """Set the time that is left, from now."""
        sandbox, seconds = self._living(sandbox_id), request.get_json()["timeout"]
        self._check_life(seconds)
        self._set_end(sandbox, seconds)
        return Response(status=204)

    def set_network(self, request: Request, sandbox_id: str) -> Response:
        """Replace the network policy, for what starts from now on."""
        self._living(sandbox_id).network = request.get_json()
        return Response(status=204)

    def _start(self, template: str, asked: dict[str, Any]) -> SandboxState:
        if self._closed:
            raise Refused(self.error(503, "closed"))
        hidden = sorted(self.template_hides.get(template, ()))
        if hidden and self.isolation == "none":
            self.problems.append(f"template '{template}': commands can be hidden only in namespaces")
        sandbox_id = f"i{uuid.uuid4().hex[:19]}"
        network = {**asked.get("network", {})}
        if "allow_internet_access" in asked:
            network["allow_internet_access"] = asked["allow_internet_access"]
        sandbox = SandboxState(
            id=sandbox_id,
            template=template,
            metadata=asked.get("metadata", {}),
            envs=asked.get("envVars", {}),
            network=network,
            token=f"ea_{uuid.uuid4().hex}",
            machine=Machine((self.directory / sandbox_id).resolve(), self.isolation, hidden),
        )
        self.sandboxes[sandbox_id] = sandbox
        return sandbox

    def _living(self, sandbox_id: str) -> SandboxState:
        sandbox = self.sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.alive:
            raise Refused(self.error(404, f"sandbox '{sandbox_id}' not found"))
        return sandbox

    def _check_life(self, seconds: int) -> None:
        if self.max_timeout is not None and seconds > self.max_timeout:
            hours = self.max_timeout // 3600
            raise Refused(self.error(400, f"Timeout cannot be greater than {hours} hours"))

    def _set_end(self, sandbox: SandboxState, seconds: int) -> None:
        with self._lock:
            sandbox.timeouts.append(seconds)
            now = datetime.now(UTC)
            ends_at = now + timedelta(seconds=seconds)
            if self.max_timeout is not None:
                ends_at = min(ends_at, sandbox.created_at + timedelta(seconds=self.max_timeout))
            sandbox.ends_at = ends_at
            if sandbox.timer is not None:
                sandbox.timer.cancel()
            sandbox.timer = threading.Timer((ends_at - now).total_seconds(), self._end, (sandbox, "timeout"))
            sandbox.timer.daemon = True
            sandbox.timer.start()

    def _end(self, sandbox: SandboxState, by: Literal["request", "timeout", "fault"] | None) -> None:
        with self._lock:
            if sandbox.alive:
                sandbox.alive, sandbox.killed_by = False, by
            if sandbox.timer is not None:
                sandbox.timer.cancel()
        sandbox.machine.end()


def _created(sandbox: SandboxState) -> dict[str, Any]:
    return {
        "templateID": sandbox.template,
        "sandboxID": sandbox.id,
        "clientID": "client",
        "envdVersion": ENVD_VERSION,
        "envdAccessToken": sandbox.token,
    }
