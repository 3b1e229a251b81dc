"""All stand-ins together: a repository with an issue, a scripted model, and the runner that starts the action."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from standins.e2b import E2B
from standins.github import GitHub
from standins.openai import OpenAI
from standins.runner import Job

TOKEN = "ghs_" + "t0ken" * 8
OPENAI_KEY = "sk-test-" + "0penai" * 6
E2B_KEY = "e2b_" + "0123456789abcdef" * 3


class Stage:
    """The services with one repository in them. A context manager: the services run while it is open."""

    def __init__(self, directory: Path, *, source: Path | None, prefix: str = "", private: bool = False) -> None:
        self.directory = directory
        self.github = GitHub(directory / "github", prefix=prefix)
        self.e2b = E2B(directory / "e2b", keys=[E2B_KEY])
        self.openai = OpenAI(keys=[OPENAI_KEY])
        self._services = contextlib.ExitStack()
        self.github.add_token(TOKEN)
        self.owner = self.github.add_user("octo")
        self.repository = self.github.add_repository("octo/demo", source=source, private=private)
        self.repository.permissions["octo"] = "admin"
        self.jobs = 0

    def __enter__(self) -> Self:
        for service in (self.github, self.e2b, self.openai):
            self._services.enter_context(service)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._services.close()

    def job(
        self,
        event_name: str,
        event: Mapping[str, Any] | str,
        inputs: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Job:
        """A job for this event, with the inputs that every run needs and those given."""
        self.jobs += 1
        return Job(
            self.directory / f"job-{self.jobs}",
            event_name,
            event,
            {
                "github-token": TOKEN,
                "openai-api-key": OPENAI_KEY,
                "e2b-api-key": E2B_KEY,
                "openai-base-url": f"{self.openai.url}/v1",
                "e2b-api-url": self.e2b.url,
                "e2b-sandbox-url": self.e2b.url,
                **(inputs or {}),
            },
            {
                "GITHUB_REPOSITORY": self.repository.full_name,
                "GITHUB_API_URL": self.github.api_url,
                "GITHUB_SERVER_URL": self.github.server_url,
                "GITHUB_RUN_ID": str(9000 + self.jobs),
                **(variables or {}),
            },
        )

    def label(self, number: int, label: str = "ai-dev", **job: Any) -> Job:
        """A job started by the owner who labels an issue."""
        return self.job("issues", self.repository.event("labeled", number=number, label=label, sender="octo"), **job)

    def comment(self, number: int, body: str, user: str = "octo", **job: Any) -> Job:
        """A job started by a comment on an issue."""
        comment = self.repository.add_comment(number, body, user=user)
        return self.job("issue_comment", self.repository.event("comment", comment=comment.id), **job)

    @property
    def problems(self) -> list[str]:
        """Requests that broke a service's rules."""
        return [*self.github.problems, *self.e2b.problems, *self.openai.problems]
