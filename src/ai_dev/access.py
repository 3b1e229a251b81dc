"""Trigger -> may it run? Asked of GitHub; whatever is not a clear yes is a no, and nothing is written there."""

from __future__ import annotations

from .answers import Account
from .errors import Refused, ServiceError
from .event import Trigger
from .repository import Repository
from .runner import Runner

_WORKFLOW_DECIDES = {"schedule", "workflow_dispatch", "push", "repository_dispatch"}
"""Events that only the default branch or somebody with write access can cause."""


def check(trigger: Trigger, runner: Runner, repository: Repository) -> None:
    """Return when the run may start; raise Refused with the reason otherwise.

    The sender must be a user with write access, for a comment its author; on a re-run the one who started it as well.
    """
    sender = trigger.sender
    if sender is None:
        if runner.event_name not in _WORKFLOW_DECIDES:
            raise Refused("The event names no sender.")
        return
    if trigger.comment and (trigger.comment.user is None or trigger.comment.user.id != sender.id):
        raise Refused(f"The comment is not by @{sender.login}, who sent the event.")
    _check_account(sender, repository)
    rerun_by = runner.triggering_actor
    if runner.run_attempt != "1" and rerun_by and rerun_by.lower() != sender.login.lower():
        _check_account(Account(login=rerun_by, id=0), repository)


def _check_account(account: Account, repository: Repository) -> None:
    if account.type != "User":
        raise Refused(f"@{account.login} is a {account.type.lower()}; only users may start a run.")
    try:
        found = repository.read_permission(account.login)
    except ServiceError as e:
        if e.failure.status == 401:
            raise
        raise Refused(f"GitHub did not say what @{account.login} may do.", e.failure.detail, e.cure) from None
    if found.user is None or (account.id and found.user.id != account.id):
        raise Refused(f"GitHub's answer about @{account.login} is about another account.")
    if found.permission not in ("admin", "write"):
        raise Refused(f"@{account.login} has no write access here.", f"GitHub says: {found.permission}.")
