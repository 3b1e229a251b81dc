"""Who asked, with which run and model -> what we write under commits and pull requests."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .answers import Account
from .flags import describe_flags
from .redaction import body as publish

_BODY = 50_000
UNFINISHED = "The run did not end by itself."
"""How the text of a run that could not end begins; the model's last words follow, where it could say any."""
EARLIER = "What was said of it before:"
"""Our own line between those words and the text that the pull request had."""
_ACCOUNT = "The text above is the assistant's own account, checked by nobody. "
_APPROVAL = (
    "> [!NOTE]\n> Checks wait for a click on **Approve workflows to run** below, because this pull request was opened "
    "with the workflow's own token. They start by themselves when the action is given a GitHub App's token."
)


@dataclass(frozen=True)
class Origin:
    """Where a change comes from: what we write under it."""

    number: int | None
    requester: Account | None
    run_url: str
    model: str
    own_token: bool
    """Whether the token is the workflow's own: what it does starts no other workflow."""

    @property
    def trailers(self) -> str:
        """The end of every commit message: the run, and the person who asked as a co-author."""
        lines = [f"AI-Dev-Run: {self.run_url}"]
        if self.requester and self.requester.id:
            address = f"{self.requester.id}+{self.requester.login}@users.noreply.github.com"
            lines.append(f"Co-authored-by: {self.requester.login} <{address}>")
        return "\n".join(lines)

    def compose(self, text: str, spent: str, link: str, flags: dict[str, str]) -> str:
        """The body of the pull request: what deserves a look, the model's text with nothing live in it, what we know.

        ``flags`` are those of flags.py.
        """
        parts = [flagged] if (flagged := describe_flags(flags)) else []
        parts += [f"{link} #{self.number}"] if self.number else []
        parts.append(publish(text, _BODY) or "(There is no description.)")
        asked = f"Requested by @{self.requester.login}. " if self.requester else ""
        ours = text.startswith(UNFINISHED) and "\n\n" not in text
        account = "" if ours else _ACCOUNT
        parts.append(
            f"---\n{asked}{account}Please review the change. "
            f"[Log of the run]({self.run_url}) · {self.model}{' · ' if spent else ''}{spent}"
        )
        if self.own_token:
            parts.append(_APPROVAL)
        return "\n\n".join(parts)

    def read_text(self, body: str | None) -> str | None:
        """The text in a body that ``compose`` made; None when somebody has rewritten it."""
        text = (body or "").replace("\r\n", "\n")
        link = re.search(rf"(?:Fixes|Refs) #{self.number}\n\n", text)
        told, end, _ = text[link.end() :].rpartition("\n\n---\nRequested by @") if link else ("", "", "")
        return told if end else None
