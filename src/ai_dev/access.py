"""Trigger -> may it run, and may it still write? Asked of GitHub; whatever is not a clear yes is a no."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from .answers import Account
from .errors import Refused, ServiceError
from .event import Kind, Trigger
from .repository import Repository
from .runner import Runner

_WORKFLOW_DECIDES = {"schedule", "workflow_dispatch", "push", "repository_dispatch"}
"""Events that only the default branch or somebody with write access can cause: these need no sender."""
_WRITERS = {"admin", "write"}
"""Permissions, as GitHub names them, that include writing: a maintainer has ``write``, a triager ``read``."""
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}(\[bot\])?")
_VALID = 60.0
"""Seconds for which an answer about a person counts, once the run writes."""

_Found = TypeVar("_Found")


@dataclass
class Access:
    """The rule of who may start a run. It asks GitHub and writes nothing there; what it cannot ask is refused."""

    trigger: Trigger
    runner: Runner
    repository: Repository
    label: str
    """The label that starts runs."""
    bots: frozenset[str]
    """Logins of the bots that may start one."""
    _asked: float = float("-inf")
    """When the people were asked for last, once the run writes."""

    def check(self) -> None:
        """Return when the run may start; raise Refused with the reason otherwise.

        The sender must be a user with write access or a bot on the list, for a comment its author; whoever started a
        run again must be such a user as well.
        """
        sender, comment = self.trigger.sender, self.trigger.comment
        if comment and (sender is None or comment.user is None or comment.user.id != sender.id):
            raise Refused("The comment is not by the sender of the event.")
        self._check_people()

    def check_again(self) -> None:
        """Return when the run may still write to the repository; raise Refused otherwise.

        Asked afresh before the first push and before the pull request is opened: the issue must be open, a label that
        started the run still there, and the people still allowed.
        """
        try:
            if self.trigger.number:
                self._check_issue(self.trigger.number)
            if monotonic() - self._asked >= _VALID:
                self._check_people()
                self._asked = monotonic()
        except Refused as e:
            raise Refused(f"{e.what} So the run was stopped, and nothing more is pushed.", e.why, e.cure) from None

    def _check_people(self) -> None:
        sender = self.trigger.sender
        if sender is None:
            if self.runner.event_name not in _WORKFLOW_DECIDES:
                raise Refused("The event names no sender.")
        elif not self._is_listed(sender):
            self._check_user(sender)
        if self.runner.run_attempt != "1":
            self._check_rerun(self.runner.triggering_actor)

    def _is_listed(self, account: Account) -> bool:
        """Whether it is one of the bots that may: by its exact login, and a bot by its type, not by its name."""
        return account.type == "Bot" and account.login in self.bots

    def _check_rerun(self, actor: str) -> None:
        sender = self.trigger.sender
        if not actor:
            raise Refused("The run was started again, and the runner does not say by whom.")
        if sender is None or actor.lower() != sender.login.lower():
            self._check_user(Account(login=actor, id=0, type="User"))

    def _check_user(self, account: Account) -> None:
        if account.type != "User":
            kind = f"a {account.type.lower()}" if account.type else "of no known type"
            raise Refused(f"@{account.login} is {kind}; only users and the bots in allowed-bots may start a run.")
        if (permission := find_permission(account, self.repository)) not in _WRITERS:
            raise Refused(f"@{account.login} has no write access here.", f"GitHub says: {permission}.")

    def _check_issue(self, number: int) -> None:
        issue = _ask(lambda: self.repository.read_issue(number), f"how issue #{number} is")
        if issue.number != number:
            raise Refused(f"GitHub's answer about issue #{number} is about another one.")
        if issue.state != "open":
            raise Refused(f"Issue #{number} is not open any more.")
        if self.trigger.kind is Kind.LABEL and self.label not in [label.name for label in issue.labels]:
            raise Refused(f"The label {self.label} is not on issue #{number} any more.")


def may_write(account: Account, repository: Repository) -> bool:
    """Whether GitHub says clearly that this is a user who may write."""
    try:
        return account.type == "User" and find_permission(account, repository) in _WRITERS
    except (Refused, ServiceError):
        return False


def find_permission(account: Account, repository: Repository) -> str:
    """What this user may do: ``admin``, ``write``, ``read`` or ``none``. An id of 0 is that of any account.

    Raises Refused when GitHub does not say so or speaks of another account; ServiceError when it does not know us.
    """
    if not _LOGIN.fullmatch(account.login):
        raise Refused("The account's name is none that GitHub has.")
    found = _ask(lambda: repository.read_permission(account.login), f"what @{account.login} may do")
    if found.user is None or not _is_same_user(account, found.user):
        raise Refused(f"GitHub's answer about @{account.login} is about another account.")
    return found.permission


def _is_same_user(account: Account, found: Account) -> bool:
    same = found.login.lower() == account.login.lower() and account.id in (0, found.id)
    return same and found.type == "User"


def _ask(request: Callable[[], _Found], what: str) -> _Found:
    try:
        return request()
    except ServiceError as e:
        if e.failure.status == 401:  # it is our token that GitHub does not know: the workflow's author must hear of it
            raise
        raise Refused(f"GitHub did not say {what}.", e.failure.detail, e.cure) from None
