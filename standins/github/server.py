"""All routes together, and what a test sets up: accounts, tokens, repositories."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from werkzeug.wrappers import Request, Response

from . import views
from .api import at
from .call import Refused, answer
from .data import GitData
from .git import Git
from .http import SmartHTTP
from .issues import Issues
from .pulls import Pulls
from .reads import Reads
from .refs import Refs
from .repository import Repository
from .state import Token, User

ACTIONS = User("github-actions[bot]", 41_898_282, "Bot")
PERMISSIONS = MappingProxyType({"contents": "write", "issues": "write", "pull_requests": "write", "metadata": "read"})
"""What the action asks for."""


class GitHub(Issues, Pulls, Refs, GitData, Reads, SmartHTTP):
    """A GitHub server with the repositories in one directory.

    With a prefix its addresses are those of GitHub Enterprise Server. ``api_url`` and ``server_url`` are what a
    runner has in ``GITHUB_API_URL`` and ``GITHUB_SERVER_URL``.
    """

    def __init__(self, directory: Path, *, prefix: str = "") -> None:
        super().__init__(prefix)
        self.directory = directory
        self.users[ACTIONS.login] = ACTIONS

    @property
    def users(self) -> dict[str, User]:
        """Every account, by its login."""
        return self.site.users

    def add_user(self, login: str, *, type: str = "User") -> User:  # noqa: A002 - GitHub's name for it
        """Make an account; one that exists is given back."""
        return self.users.setdefault(login, User(login, next(self.site.ids), type))

    def add_token(
        self,
        value: str,
        *,
        login: str = ACTIONS.login,
        kind: str = "actions",
        permissions: Mapping[str, str] = PERMISSIONS,
        repositories: Iterable[str] | None = None,
    ) -> Token:
        """Make a credential: ``actions`` (GITHUB_TOKEN), ``app`` or ``user``; for all repositories, or for some."""
        owner = self.add_user(login, type="User" if kind == "user" else "Bot")
        chosen = None if repositories is None else frozenset(repositories)
        self.tokens[value] = Token(value, owner, kind, dict(permissions), chosen)
        return self.tokens[value]

    def add_repository(
        self,
        full_name: str = "octo/demo",
        *,
        source: Path | None,
        private: bool = False,
        default_branch: str = "main",
    ) -> Repository:
        """Make a repository with the branches and tags of a git repository, or an empty one. Its owner is its admin."""
        owner = self.add_user(full_name.partition("/")[0])
        objects = Git.create(self.directory / f"{full_name}.git", branch=default_branch, source=source)
        repository = Repository(full_name, next(self.site.ids), self.site, objects, private, default_branch)
        repository.permissions[owner.login] = "admin"
        self.repositories[full_name] = repository
        return repository

    def find_path(self, path: str) -> str:
        """Sort the addresses: ``/rest`` for the API, ``/graphql``, ``/git`` for repositories."""
        if self.prefix and not path.startswith(f"{self.prefix}/"):
            return path
        path = path.removeprefix(self.prefix)
        graphql, rest = ("/api/graphql", "/api/v3") if self.prefix else ("/graphql", "")
        if path == graphql:
            return "/graphql"
        if re.match(r"/[^/]+/[^/]+\.git/", path) and not path.startswith(f"{rest}/repos/"):
            return f"/git{path}"
        return f"/rest{path.removeprefix(rest)}" if path.startswith(rest) else path

    @at("GET", "/user")
    def get_user(self, request: Request) -> Response:
        """The person that a token belongs to; apps have none."""
        token = self.find_token(request)
        if token.kind == "anonymous":
            raise Refused(401, "Requires authentication")
        if token.kind != "user":
            raise Refused(403, "Resource not accessible by integration")
        return answer(views.user(self.site, token.user))

    @at("POST", "/graphql", under="")
    def graphql(self, request: Request) -> Response:
        """Who asks; the only query that it knows."""
        token = self.find_token(request)
        if token.kind == "anonymous":
            raise Refused(401, "This endpoint requires you to be authenticated.")
        query = (request.get_json(silent=True) or {}).get("query", "")
        match = re.search(r"viewer\s*\{([\s\w]*)\}", query)
        if match is None:
            self.problems.append(f"GraphQL that is not known here: {query}")
            return answer({"errors": [{"message": "Unknown query"}]})
        values = {"login": token.user.login, "databaseId": token.user.id, "__typename": token.user.type}
        return answer({"data": {"viewer": {name: values.get(name) for name in match[1].split()}}})
