"""A request that was let in, and the forms of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from .repository import Repository
from .state import Token, User
from .views import JSON

BODY_LIMIT = 65_536
"""Characters of a comment's or pull request's text."""


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.headers, self.more = status, message, headers or {}, more


def invalid(resource: str, code: str, **more: str) -> Refused:
    """GitHub's answer to a value that it cannot take."""
    return Refused(422, "Validation Failed", errors=[{"resource": resource, "code": code, **more}])


def check_text(title: object, body: object) -> None:
    """Refuse a title or body of an issue or pull request that is too long; both have the same error."""
    for field, text, limit in (("title", title, 256), ("body", body, BODY_LIMIT)):
        if text is not None and not isinstance(text, str):
            raise Refused(422, f"Invalid request.\n\nFor 'properties/{field}', {json.dumps(text)} is not a string.")
        if text is not None and len(text) > limit:
            message = f"{field} is too long (maximum is {limit} characters)"
            raise invalid("Issue", "custom", field=field, message=message)


@dataclass(frozen=True)
class Call:
    """A request that was let in: by whom, to which repository."""

    request: Request
    token: Token
    repository: Repository

    @property
    def user(self) -> User:
        """Who asks."""
        return self.token.user

    @property
    def content(self) -> Any:
        """The request's JSON body."""
        try:
            data = json.loads(self.request.get_data() or b"{}")
            json.dumps(data, ensure_ascii=False).encode()
        except ValueError as e:
            raise Refused(400, "Problems parsing JSON") from e
        return data

    def fields(self, *required: str) -> JSON:
        """The request's body, a JSON object that has these fields."""
        data = self.content
        if not isinstance(data, dict):
            raise Refused(400, "Body should be a JSON object")
        if missing := [f'"{name}"' for name in required if name not in data]:
            verb = "wasn't" if len(missing) == 1 else "weren't"
            raise Refused(422, f"Invalid request.\n\n{', '.join(missing)} {verb} supplied.")
        return data

    def strings(self, name: str) -> list[str]:
        """A list of strings in the body: the whole body, or one field of it."""
        data = self.content
        values = data.get(name, []) if isinstance(data, dict) else data
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {json.dumps(values)} is not an array.")
        return values

    def page(self, items: Sequence[Any], show: Callable[[Any], Any]) -> Response:
        """One page of a list, with the ``Link`` header that leads to the others."""
        query = self.request.args.to_dict()
        size = min(max(_number(query.get("per_page"), 30), 1), 100)
        page = max(_number(query.get("page"), 1), 1)
        last = max(-(-len(items) // size), 1)
        others = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        wanted = {name: number for name, number in others.items() if _leads_on(name, page, last)}
        # The path after the prefix is the same in the request and in the API's address.
        path = self.repository.site.api_url + "/repos/" + self.request.path.partition("/repos/")[2]
        links = [f'<{path}?{urlencode(query | {"page": str(n)})}>; rel="{name}"' for name, n in wanted.items()]
        response = answer([show(item) for item in items[(page - 1) * size : page * size]])
        if links:
            response.headers["Link"] = ", ".join(links)
        return response


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() else default


def _leads_on(name: str, page: int, last: int) -> bool:
    return page < last if name in ("next", "last") else page > 1


def answer(data: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(json.dumps(data), status, content_type="application/json; charset=utf-8")


def nothing() -> Response:
    """The answer that says only that it was done."""
    return Response(status=204)
