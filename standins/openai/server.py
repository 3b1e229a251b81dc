"""The service: a request -> its checks, the next step of the script, the answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from http import HTTPStatus
from typing import ClassVar

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from standins.service import Service

from .answers import answer, http, produce
from .checks import UNREADABLE, Violation, check_key, check_request
from .script import Page, Reply, Step, error
from .turns import Turn
from .usage import common_prefix, cut_off, estimate
from .wire import Json, dump, items_of, parse

PROMPTS_KEPT = 4
"""How many earlier prompts of a cache key are compared."""


class OpenAI(Service):
    """The Responses API for these API keys and these models (None: every model is known)."""

    url_map: ClassVar[Map] = Map([Rule("/v1/responses", endpoint="create_response", methods=["POST"])])

    def __init__(self, *, keys: Collection[str] = ("sk-test",), models: Collection[str] | None = None) -> None:
        super().__init__()
        self.keys, self.models = keys, models
        self.conversations: list[Json] = []
        """The body of every request with a good key, in the order of arrival."""
        self.usages: list[Json] = []
        """What each reply told of its tokens, whether it came to its end or not."""
        self._script: list[Step] = []
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}
        self._prompts: dict[str | None, deque[bytes]] = {}
        self._invented: set[str] = set()
        """The types of the items sent: what the model made may come back, whatever it is."""

    @property
    def left(self) -> int:
        """The number of steps not yet played."""
        return len(self._script)

    def play(self, *steps: Step) -> None:
        """Append steps to the script."""
        with self._lock:
            self._script += steps

    def error(self, status: int, message: str) -> Response:
        """Build an error in OpenAI's form."""
        return http(error(status, message=message))

    def create_response(self, request: Request) -> Response:
        """``POST /v1/responses``: check the request, then do the next step of the script."""
        raw = request.get_data()
        if strange := check_key(request.headers.get("Authorization", ""), self.keys):
            return self._refuse([strange])
        body = parse(raw)
        if body is None:
            return self._refuse([UNREADABLE])
        with self._lock:
            self.conversations.append(body)
            violations = list(check_request(body, self.models, self._invented))
            if any(v.status for v in violations):
                return self._refuse(violations)
            self.problems += [v.message for v in violations]
            turn, cached = self._begin(body), self._cache(body)
        step = self._next_step(body)
        if isinstance(step, Page):
            return http(step)
        step, output = cut_off(step, produce(step, body["model"]), body.get("max_output_tokens"))
        self._invented.update(item["type"] for item in output)
        usage = estimate(step, len(raw), cached, output)
        self.usages += [usage] if usage else []
        return answer(step, body, output, usage, turn)

    def _refuse(self, violations: list[Violation]) -> Response:
        """Note the violations; answer as OpenAI does to the first one that it minds."""
        self.problems += [v.message for v in violations]
        return http(next(page for v in violations if (page := v.page())))

    def _begin(self, body: Json) -> Turn:
        key = body.get("prompt_cache_key") or dump(items_of(body)[:1])
        turn = Turn(key, dump([body.get("instructions"), body.get("tools")]), items_of(body))
        if before := self._turns.get(key):
            self.problems += turn.compare(before)
        self._turns[key] = turn
        return turn

    def _cache(self, body: Json) -> int:
        """Remember the prompt; count the bytes that it has in common with an earlier one of the same key."""
        prompt = dump([body["model"], body.get("instructions"), body.get("tools"), items_of(body)]).encode()
        earlier = self._prompts.setdefault(body.get("prompt_cache_key"), deque(maxlen=PROMPTS_KEPT))
        common = max((common_prefix(old, prompt) for old in earlier), default=0)
        earlier.append(prompt)
        return common

    def _next_step(self, body: Json) -> Reply | Page:
        with self._lock:
            step = self._script.pop(0) if self._script else None
        if step is None:
            return self._give_up(f"the script is used up: no step after {dump(items_of(body)[-1:])[:300]}")
        try:
            while callable(step):
                step = step(body)
        except Exception as e:  # noqa: BLE001 (a test's function may raise anything, and the test must learn of it)
            return self._give_up(f"a step of the script failed: {e!r}")
        return step

    def _give_up(self, problem: str) -> Page:
        self.problems.append(problem)
        return error(HTTPStatus.INTERNAL_SERVER_ERROR, message=problem, headers={"x-should-retry": "false"})
