"""Comments -> Discussion: what the model is shown of them, said before the trigger by people who may be heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from .access import may_write
from .answers import Account, Comment
from .background import begin
from .event import TIME, Trigger
from .repository import Repository

_COMMENTS = 20
_ASKED = 10
"""Commenters whose permission is asked for at the most."""


@dataclass(frozen=True)
class Discussion:
    """The comments that the model is shown, oldest first."""

    comments: tuple[Comment, ...] = ()
    left_out: int = 0
    """How many others there were before the trigger."""

    @classmethod
    def choose(
        cls, comments: Sequence[Comment], trigger: Trigger, author: Account | None, repository: Repository
    ) -> Self:
        """Of these comments the newest that are older than the trigger, edits too, and by people who may be heard.

        Heard are the issue's author and whoever has write access. GitHub is asked once about each of at most ten
        commenters, the newest first, all at once; when it does not say so, the comments are left out.
        """
        before = [c for c in comments if c.created_at < trigger.at and not _is_request(c, trigger)]
        settled = [c for c in before if _is_settled(c, trigger) and c.user and c.user.type == "User"]
        heard = {account.id for account in (author, trigger.sender) if account}  # the sender was asked for already
        heard |= _find_writers([c.user for c in reversed(settled) if c.user and c.user.id not in heard], repository)
        shown = [c for c in settled if c.user and c.user.id in heard][-_COMMENTS:]
        return cls(tuple(shown), len(before) - len(shown))


def _is_request(comment: Comment, trigger: Trigger) -> bool:
    return trigger.comment is not None and comment.id == trigger.comment.id


def _is_settled(comment: Comment, trigger: Trigger) -> bool:
    """Whether the comment is as it was before the trigger; times that are none say nothing."""
    times = (comment.created_at, comment.updated_at)
    return all(TIME.fullmatch(time) and time < trigger.at for time in times)


def _find_writers(accounts: Sequence[Account], repository: Repository) -> set[int]:
    """The ids of those of the first ten accounts that may write."""
    distinct = {account.id: account for account in accounts}
    asked = {i: begin(partial(may_write, distinct[i], repository)) for i in list(distinct)[:_ASKED]}
    return {i for i, answer in asked.items() if answer.result()}
