"""A conversation's requests, each compared with the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .wire import Json, dump


@dataclass
class Turn:
    """One request of a conversation, and the reply if it was delivered."""

    key: str
    fixed: str
    """Instructions and tools as text."""
    items: list[Json]
    output: list[Json] | None = None
    may_retry: bool = True

    def deliver(self, response: Json) -> None:
        """Take note that the client gets this response to the end."""
        if response["status"] != "failed":
            self.output = response["output"]
            self.may_retry = response["status"] == "incomplete"

    def compare(self, before: Turn) -> Iterator[str]:
        """Find what breaks the rule that a conversation only grows at its end."""
        where = f"conversation {self.key[:80]}: "
        if self.fixed != before.fixed:
            yield where + "instructions or tools have changed"
        if before.may_retry and self.items == before.items:
            return
        if before.output is None:
            yield where + "the try after a failed one has another input"
            return
        history = before.items + before.output
        compacted = max((i for i, item in enumerate(history) if item.get("type") == "compaction"), default=0)
        if any(self.items[: len(past)] == past for past in (history, history[compacted:])):
            return
        pairs = enumerate(zip(history, self.items, strict=False))
        at = next((i for i, (old, new) in pairs if old != new), min(len(history), len(self.items)))
        yield where + f"input[{at}] was {dump(history[at])[:300]} and is {dump(self.items[at : at + 1])[:300]}"
