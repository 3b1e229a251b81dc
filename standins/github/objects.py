"""Git's objects as values, and the forms in which git reads and prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

ABSENT = "0" * 40
"""The id that stands for "there is none" where git wants an id."""
ID = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class Person:
    """An author or committer at a moment (ISO 8601, UTC)."""

    name: str
    email: str
    date: str

    def header(self) -> str:
        """The form that a commit object has."""
        return f"{self.name} <{self.email}> {int(datetime.fromisoformat(self.date).timestamp())} +0000"

    @classmethod
    def parse(cls, header: str) -> Person:
        """The inverse of ``header``, for any time zone."""
        match = re.fullmatch(r"(.*?) ?<(.*)> (\d+) [+-]\d{4}", header)
        if match is None:
            raise ValueError(header)
        name, email, seconds = match.groups()
        return cls(name, email, f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%dT%H:%M:%SZ}")


@dataclass(frozen=True)
class Commit:
    """A commit object's content."""

    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str

    def text(self) -> str:
        """The object as git stores it."""
        parents = "".join(f"parent {parent}\n" for parent in self.parents)
        people = f"author {self.author.header()}\ncommitter {self.committer.header()}\n"
        return f"tree {self.tree}\n{parents}{people}\n{self.message}"

    @classmethod
    def parse(cls, text: str) -> Commit:
        """The inverse of ``text``; headers that it does not know are left out."""
        head, _, message = text.partition("\n\n")
        fields = [line.partition(" ")[::2] for line in head.splitlines() if not line.startswith(" ")]
        values = dict(fields)
        parents = tuple(value for name, value in fields if name == "parent")
        people = Person.parse(values["author"]), Person.parse(values["committer"])
        return cls(values["tree"], parents, *people, message)


@dataclass(frozen=True)
class Entry:
    """A path of a tree and what it shall hold; without an id it is taken away."""

    path: str
    sha: str | None
    mode: str = "100644"

    def line(self) -> str:
        """The form that ``git update-index --index-info`` reads."""
        return f"{self.mode if self.sha else '0'} {self.sha or ABSENT}\t{self.path}\0"


@dataclass(frozen=True)
class Item:
    """What a tree holds at one path."""

    mode: str
    kind: str
    sha: str
    size: int | None
    """Bytes, of a blob."""
    path: str

    @classmethod
    def parse(cls, line: str) -> Item:
        """Read a line of ``git ls-tree -l``."""
        columns, _, path = line.partition("\t")
        mode, kind, sha, size = columns.split()
        return cls(mode, kind, sha, int(size) if size.isdigit() else None, path)
