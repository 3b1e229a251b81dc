"""All that we ask of GitHub's API, one method a request. The only module that imports PyGithub."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

import github
import requests
import urllib3
from github import Auth, Github, GithubException
from github.Requester import Requester
from pydantic import TypeAdapter, ValidationError

from .answers import (
    About,
    Account,
    Answer,
    Comment,
    Commit,
    Comparison,
    Issue,
    Permission,
    Pull,
    Ref,
    Sha,
    StoredCommit,
)
from .errors import MALFORMED, Failure, Service, ServiceError, connection_code, persist

API_VERSION = "2022-11-28"
_TIMEOUT = 20
_PER_PAGE = 100
_PAGES = 10
"""Pages of a listing that are read at the most."""
_ANSWER_LIMIT = 32 << 20
"""Bytes of one answer: a hundred comments as long as GitHub lets them be have 26 MB."""
_ANSWER_TIME = 120
"""Seconds for one answer, however slowly it comes."""
_ELSEWHERE = (301, 302, 303, 307, 308)
_LATER = 202

_Shape = TypeVar("_Shape")


class Repository:
    """One repository on GitHub, seen with one token. Thread-safe. Raises ServiceError.

    Nothing is asked again behind ``until``, a moment of the monotonic clock.
    """

    def __init__(
        self, api_url: str, full_name: str, token: str, certificates: str | None = None, until: float = math.inf
    ) -> None:
        self.full_name = full_name
        self.scarce = False
        """Whether most of the requests are used that GitHub allows in an hour."""
        self.until = until
        self._path = f"/repos/{full_name}"
        self._local = threading.local()
        self._requesters: list[Requester] = []
        self._open: Callable[[], Requester] = lambda: (
            Github(
                auth=Auth.Token(token),
                base_url=api_url,
                lazy=True,
                timeout=_TIMEOUT,
                per_page=_PER_PAGE,
                verify=certificates or True,
                seconds_between_requests=None,
                seconds_between_writes=None,
                api_version=API_VERSION,
                retry=None,  # its own, even with no try left, takes a limit's answer and its waiting time away
            ).requester
        )
        _quiet(logging.getLogger(github.__name__))

    def close(self) -> None:
        """End all connections; a thread that asks again after this gets an error."""
        while self._requesters:
            self._requesters.pop().close()

    @property
    def owner(self) -> str:
        """The repository's owner."""
        return self.full_name.partition("/")[0]

    def read_about(self) -> About:
        """The repository itself."""
        return self._ask("GET", self._path, About, "describe the repository")

    def read_permission(self, login: str) -> Permission:
        """What this account may do here; ServiceError 404 for bots and apps."""
        path = f"{self._path}/collaborators/{quote(login, safe='')}/permission"
        return self._ask("GET", path, Permission, f"tell what @{login} may do")

    def read_viewer(self) -> Account:
        """Whose token we hold."""
        query = {"query": "{ viewer { login databaseId } }"}
        viewer = self._ask("POST", self._requester.graphql_url, Answer, "tell whose token this is", query).data.viewer
        return Account(login=viewer.login, id=viewer.databaseId or 0)

    def read_issue(self, number: int) -> Issue:
        """An issue or a pull request."""
        return self._ask("GET", f"{self._path}/issues/{number}", Issue, f"read issue #{number}")

    def read_comments(self, number: int) -> list[Comment]:
        """The comments of an issue, oldest first; of more than a thousand the first hundred and the newest."""
        path, doing = f"{self._path}/issues/{number}/comments?per_page={_PER_PAGE}", f"read the discussion of #{number}"
        comments = self._ask("GET", f"{path}&page=1", list[Comment], doing)
        if len(comments) == _PER_PAGE:
            last = -(-self.read_issue(number).comments // _PER_PAGE)
            for page in range(max(2, last - _PAGES + 2), max(last, 2) + 1):
                comments += self._ask("GET", f"{path}&page={page}", list[Comment], doing)
        return comments

    def react(self, number: int, comment: int | None = None) -> Account:
        """Show the requester that we saw the issue or comment; the answer says who we are."""
        at = f"issues/comments/{comment}" if comment else f"issues/{number}"
        reaction = self._ask("POST", f"{self._path}/{at}/reactions", dict[str, Any], "react", {"content": "eyes"})
        return self._shape(reaction.get("user"), Account, "react")

    def post_comment(self, number: int, body: str, marker: str) -> Comment:
        """Comment on an issue; ``marker`` is what tells this comment from all others, should the answer be lost."""
        path, doing = f"{self._path}/issues/{number}/comments", f"comment on #{number}"
        return self._create(
            lambda: self._ask_once("POST", path, Comment, doing, {"body": body}),
            lambda: next((c for c in self.read_comments(number) if marker in (c.body or "")), None),
        )

    def edit_comment(self, comment: int, body: str) -> Comment:
        """Change a comment's text."""
        path = f"{self._path}/issues/comments/{comment}"
        return self._ask("PATCH", path, Comment, "edit our comment", {"body": body})

    def delete_comment(self, comment: int) -> None:
        """Take a comment away, if it is there."""
        try:
            self._ask("DELETE", f"{self._path}/issues/comments/{comment}", None, "replace our comment")
        except ServiceError as e:
            if e.failure.status != 404:
                raise

    def check_writable(self) -> None:
        """Raise ServiceError when the token cannot write contents: better now than after the work is paid for."""
        self.create_blob("")

    def create_blob(self, base64: str) -> str:
        """Store a file's bytes; give its id."""
        body = {"content": base64, "encoding": "base64"}
        return self._ask("POST", f"{self._path}/git/blobs", Sha, "store a file", body).sha

    def create_tree(self, base_tree: str, entries: list[dict[str, Any]]) -> str:
        """Store a tree that differs from ``base_tree`` by these entries; give its id."""
        body = {"base_tree": base_tree, "tree": entries}
        return self._ask("POST", f"{self._path}/git/trees", Sha, "store the changed files", body).sha

    def create_commit(self, message: str, tree: str, parent: str) -> Commit:
        """Store a commit; author and committer are the token's account, so that GitHub can sign it."""
        body = {"message": message, "tree": tree, "parents": [parent]}
        return self._ask("POST", f"{self._path}/git/commits", Commit, "store the commit", body)

    def create_ref(self, ref: str, sha: str) -> None:
        """Create a ref that no two runs can create. ServiceError 422 when it exists: perhaps by this very request."""
        self._ask("POST", f"{self._path}/git/refs", Ref, "write to the repository", {"ref": ref, "sha": sha})

    def move_ref(self, name: str, sha: str) -> None:
        """Move a ref, named without its ``refs/``, forward. ServiceError 422 when that is no fast-forward."""
        path = f"{self._path}/git/refs/{quote(name)}"
        self._ask("PATCH", path, Ref, f"push to {name}", {"sha": sha, "force": False})

    def read_ref(self, name: str) -> Ref | None:
        """What a ref, named without its ``refs/``, stands for; None when there is none of this name."""
        try:
            return self._ask("GET", f"{self._path}/git/ref/{quote(name)}", Ref, f"read {name}")
        except ServiceError as e:
            if e.failure.status != 404:
                raise
            return None

    def create_branch(self, name: str, sha: str) -> None:
        """Create a branch. ServiceError 422 when one of this name, or one that is in its way, exists."""
        body = {"ref": f"refs/heads/{name}", "sha": sha}
        self._create(
            lambda: self._ask_once("POST", f"{self._path}/git/refs", Ref, f"create the branch {name}", body),
            lambda: tip if (tip := self.read_ref(f"heads/{name}")) and tip.object.sha == sha else None,
        )

    def compare(self, old: str, new: str) -> Comparison:
        """How a commit stands to an older one. ServiceError 404 when they have nothing in common."""
        return self._ask("GET", f"{self._path}/compare/{old}...{new}", Comparison, "compare two commits")

    def read_commit(self, sha: str) -> StoredCommit:
        """A commit and what it holds."""
        return self._ask("GET", f"{self._path}/commits/{sha}", StoredCommit, "read a commit")

    def find_pulls(self, branch: str) -> list[Pull]:
        """Pull requests, open and ended, from a branch of this repository."""
        query = f"?state=all&per_page={_PER_PAGE}&head={quote(f'{self.owner}:{branch}', safe='')}"
        return self._ask("GET", f"{self._path}/pulls{query}", list[Pull], "look for our pull request")

    def find_open_pull(self, branch: str) -> Pull | None:
        """The open pull request from a branch of this repository, if there is one."""
        return next((pull for pull in self.find_pulls(branch) if pull.state == "open"), None)

    def create_pull(self, branch: str, base: str, title: str, body: str, *, draft: bool) -> Pull:
        """Open a pull request. ServiceError 403 when Actions may open none, 422 for a draft where there are none."""
        new = {"title": title, "body": body, "head": branch, "base": base, "draft": draft}
        return self._create(
            lambda: self._ask_once("POST", f"{self._path}/pulls", Pull, "open the pull request", new),
            lambda: self.find_open_pull(branch),
        )

    def update_pull(self, number: int, title: str, body: str) -> Pull:
        """Change a pull request's title and body."""
        new = {"title": title, "body": body}
        return self._ask("PATCH", f"{self._path}/pulls/{number}", Pull, f"update pull request #{number}", new)

    def _create(self, make: Callable[[], _Shape], look: Callable[[], _Shape | None]) -> _Shape:
        """Create what must not be there twice: when a fault leaves the effect unknown, look before asking again."""
        unknown = False

        def ask() -> _Shape:
            nonlocal unknown
            if unknown and (found := look()) is not None:
                return found
            unknown = True
            return make()

        return persist(ask, self.until)

    def _ask(
        self, verb: str, path: str, shape: type[_Shape] | None, doing: str, body: dict[str, Any] | None = None
    ) -> _Shape:
        """One request whose answer has this shape, repeated after passing faults."""
        return persist(lambda: self._ask_once(verb, path, shape, doing, body), self.until)

    def _ask_once(
        self, verb: str, path: str, shape: type[_Shape] | None, doing: str, body: dict[str, Any] | None = None
    ) -> _Shape:
        with _faults(doing):
            headers, data = self._requester.requestJsonAndCheck(verb, path, input=body)
        self.scarce = _is_scarce(headers)
        return self._shape(data, shape, doing)

    @property
    def _requester(self) -> Requester:
        if not hasattr(self._local, "requester"):
            self._local.requester = _bound(self._open())
            self._requesters.append(self._local.requester)
        return self._local.requester  # type: ignore[no-any-return]

    @staticmethod
    def _shape(data: object, shape: type[_Shape] | None, doing: str) -> _Shape:
        try:
            return _adapter(shape).validate_python(data)  # type: ignore[arg-type, no-any-return]
        except ValidationError as e:
            detail = f"The answer has not the form that GitHub documents: {e.errors()[0]['msg']}."
            raise ServiceError(Failure(Service.GITHUB, doing, detail, code=MALFORMED)) from None


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    """What checks an answer against its shape; to make one costs more than all its checks in a run."""
    return TypeAdapter(shape)


class _Unusable(requests.RequestException):
    """An answer is none that the run can go on with."""


def _bound(requester: Requester) -> Requester:
    """The requester with limits to its answers, which it reads whole; its session can be had in no other way."""
    session: requests.Session = requester._Requester__createConnection().session  # type: ignore[attr-defined]  # noqa: SLF001
    session.hooks["response"] = [_refuse_detours, _read_bounded]
    return requester


def _refuse_detours(response: requests.Response, **_: object) -> None:
    """Follow no redirect and wait for no answer to come: PyGithub would for ever, and leaves the query behind."""
    if response.status_code in _ELSEWHERE:
        response.close()
        raise _Unusable(
            f"It answers with a redirect ({response.status_code}): was the repository renamed or moved? "
            "A new event has its new name."
        )
    if response.status_code == _LATER:
        response.close()
        raise _Unusable("It says that the answer is yet to come.")


def _read_bounded(response: requests.Response, **_: object) -> None:
    """Read the body here, before requests does so without a limit."""
    data, until = bytearray(), time.monotonic() + _ANSWER_TIME
    while chunk := response.raw.read1(1 << 16, decode_content=True):
        data += chunk
        if len(data) > _ANSWER_LIMIT or time.monotonic() > until:
            response.close()
            raise _Unusable(f"The answer has more than {_ANSWER_LIMIT >> 20} MiB or took over {_ANSWER_TIME} s.")
    response.raw = io.BytesIO(data)


@contextlib.contextmanager
def _faults(doing: str) -> Iterator[None]:
    """Turn what PyGithub raises into ServiceError: it lets errors of requests through and trips over odd bodies."""
    try:
        yield
    except GithubException as e:
        raise ServiceError(_failure(e, doing)) from None
    except _Unusable as e:
        raise ServiceError(Failure(Service.GITHUB, doing, str(e), code=MALFORMED)) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as e:
        detail = f"The connection failed: {type(e).__name__}."
        raise ServiceError(Failure(Service.GITHUB, doing, detail, code=connection_code(e))) from None
    except (ValueError, OverflowError, AttributeError, AssertionError, TypeError, RecursionError) as e:
        detail = f"The answer is not what GitHub sends ({type(e).__name__}): is the address right?"
        raise ServiceError(Failure(Service.GITHUB, doing, detail, code=MALFORMED)) from None


def _failure(e: GithubException, doing: str) -> Failure:
    headers = {name.lower(): value for name, value in (e.headers or {}).items()}
    data = e.data if isinstance(e.data, dict) else {}
    told = data.get("errors")
    errors: list[Any] = told if isinstance(told, list) else []
    details = [str(x.get("message") or x.get("code")) for x in errors if isinstance(x, dict)]
    details += [str(x) for x in errors if isinstance(x, str)]
    detail = ": ".join([str(data.get("message") or data.get("data") or "no reason given")[:500], *details[:5]])
    limited = e.status == 429 or (e.status == 403 and Requester.isRateLimitError(str(data.get("message"))))
    if e.status == 403 and not limited:
        needed = headers.get("x-accepted-github-permissions", "")
        detail += f" (needed: {needed.replace('_', '-')})" if needed else ""
    return Failure(
        Service.GITHUB,
        doing,
        detail,
        status=e.status,
        code="rate_limit_exceeded" if limited else "",
        wait=_wait(headers) if limited or e.status == 503 else None,
    )


def _is_scarce(headers: dict[str, Any]) -> bool:
    """Whether less than a third of the requests are left; False where the server does not say."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return 10 * int(headers["x-ratelimit-remaining"]) < 3 * int(headers["x-ratelimit-limit"])
    return False


def _wait(headers: dict[str, str]) -> float | None:
    with contextlib.suppress(ValueError):
        if "retry-after" in headers:
            return max(0.0, float(headers["retry-after"]))
        if headers.get("x-ratelimit-remaining") == "0":
            return max(1.0, float(headers.get("x-ratelimit-reset", "")) - time.time())
    return None


def _quiet(logger: logging.Logger) -> None:
    """PyGithub prints through a handler of its own."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
