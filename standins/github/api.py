"""What every route of the REST API does first: find out who asks, and whether they may."""

from __future__ import annotations

import base64
import binascii
import functools
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from standins.service import Service

from .call import Call, Refused, answer
from .repository import Repository
from .state import LEVELS, Site, Token, User

DOCUMENTATION = "https://docs.github.com/rest"
ANONYMOUS = Token("", User("", 0), "anonymous", {})

Handler = Callable[..., Response]


def route(method: str, path: str, needs: str = "") -> Callable[[Handler], Handler]:
    """Serve a path of a repository with the method that follows, for tokens that have what it needs.

    ``needs`` is written as in GitHub's header: ``contents=write``, alternatives after ``; ``.
    """

    def mark(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def handle(self: Api, request: Request, owner: str, name: str, **values: Any) -> Response:
            return handler(self, self.admit(request, f"{owner}/{name}", needs), **values)

        return at(method, f"/repos/<owner>/<name>{path}")(handle)

    return mark


def at(method: str, path: str, *, under: str = "/rest") -> Callable[[Handler], Handler]:
    """Serve a path with the method that follows, which sees to everything itself."""

    def mark(handler: Handler) -> Handler:
        vars(handler)["address"] = (method, under + path)
        return handler

    return mark


class Api(Service):
    """The server's state and what all of its routes share. A subclass serves the routes that it and its bases mark."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        marked = {name: getattr(cls, name).address for name in dir(cls) if hasattr(getattr(cls, name), "address")}
        cls.url_map = Map([Rule(path, endpoint=name, methods=[verb]) for name, (verb, path) in marked.items()])

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix
        self.server_url = self.url + prefix
        self.api_url = f"{self.server_url}/api/v3" if prefix else self.url
        self.site = Site(self.api_url, self.server_url)
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.rate_limit = 1000
        self.rate_remaining = 1000
        """Requests to the REST API that are still answered."""
        self.rate_reset = int(time.time()) + 3600
        """When the count starts again, in seconds since 1970: told to clients, nothing happens then."""
        self._state = threading.RLock()

    def error(self, status: int, message: str) -> Response:
        """GitHub's form of an error; a method that an address does not know is no other than an unknown address."""
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            status, message = 404, "Not Found"
        return answer({"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}, status)

    def respond(self, request: Request) -> Response:
        """Answer one request; those that touch the state wait for each other."""
        request.get_data()
        is_rest = self.find_path(request.path).startswith("/rest/")
        with self._state:
            try:
                if is_rest:
                    self._spend()
                response = super().respond(request)
            except Refused as e:
                response = self._refuse(e)
            if is_rest:
                self._finish(request, response)
        return response

    def find_token(self, request: Request) -> Token:
        """The token that a request carries, the password of Basic authentication included."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return ANONYMOUS
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                value = ""
        if value not in self.tokens:
            raise Refused(401, "Bad credentials")
        return self.tokens[value]

    def find_repository(self, full_name: str, token: Token) -> Repository:
        """The repository of that name, if the token's holder may see it; case does not matter."""
        named = (r for name, r in self.repositories.items() if name.lower() == full_name.lower())
        repository = next(named, None)
        if repository is None or not repository.is_visible(token):
            raise Refused(404, "Not Found")
        return repository

    def admit(self, request: Request, full_name: str, needs: str) -> Call:
        """Let a request in, or refuse it as GitHub would."""
        token = self.find_token(request)
        repository = self.find_repository(full_name, token)
        wanted = [need.split("=") for need in needs.split("; ") if need]
        if wanted and not any(repository.level(token, area) >= LEVELS.index(level) for area, level in wanted):
            raise self._lacking(token, needs)
        if repository.archived and request.method not in ("GET", "HEAD"):
            raise Refused(403, "Repository was archived so is read-only.")
        if f"/{full_name}/git/" in request.path and repository.objects.is_empty():
            raise Refused(409, "Git Repository is empty.")
        return Call(request, token, repository)

    def _lacking(self, token: Token, needs: str) -> Refused:
        if token.kind == "anonymous":
            return Refused(401, "Requires authentication")
        kind = "personal access token" if token.kind == "user" else "integration"
        headers = {"X-Accepted-GitHub-Permissions": needs.replace("=comment", "=write")}
        return Refused(403, f"Resource not accessible by {kind}", headers=headers)

    def _refuse(self, refused: Refused) -> Response:
        body = {"message": refused.message, **refused.more}
        more = {"documentation_url": DOCUMENTATION, "status": str(refused.status)}
        response = answer(body | more, refused.status)
        response.headers.update(refused.headers)
        return response

    def _spend(self) -> None:
        if self.rate_remaining <= 0:
            raise Refused(HTTPStatus.FORBIDDEN, "API rate limit exceeded for installation ID 1.")
        self.rate_remaining -= 1

    def _finish(self, request: Request, response: Response) -> None:
        if request.method == "GET" and response.status_code == HTTPStatus.OK:
            response.add_etag(weak=True)
            response.make_conditional(request)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            response.set_data(b"")
            self.rate_remaining += 1
        response.headers["X-GitHub-Request-Id"] = f"{next(self.site.ids):X}"
        response.headers["X-RateLimit-Limit"] = str(self.rate_limit)
        response.headers["X-RateLimit-Remaining"] = str(self.rate_remaining)
        response.headers["X-RateLimit-Used"] = str(self.rate_limit - self.rate_remaining)
        response.headers["X-RateLimit-Reset"] = str(self.rate_reset)
