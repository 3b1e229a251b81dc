"""Refs, Task -> Start: which branch a run works on, by its name and by what is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from .answers import Pull
from .errors import AiDevError
from .marker import Marker
from .repository import Repository
from .snapshot import Start
from .task import Task

_SUFFIXES = 20


@dataclass(frozen=True)
class Line:
    """The names that a run's branch may have: ``PREFIXissue-N`` or ``PREFIXrun-ID``, then with ``-2`` and so on."""

    prefix: str
    stem: str

    @property
    def listed(self) -> str:
        """What all branches that can matter start with: the names themselves, and a branch in the prefix's way."""
        return self.prefix.partition("/")[0]

    def choose(
        self, branches: dict[str, str], base: str, task: Task, repository: Repository
    ) -> tuple[Start, Pull | None]:
        """The branch to work on, and its open pull request.

        A branch is ours if an open pull request of ours comes from it, or if our status comment names it and no pull
        request from it has ended. Any other that exists is left alone: the next free name is taken. Of two that are
        ours the one that the comment names is the newer: somebody's push to the other was in our way.
        A run that was killed between its first push and its next word has named the branch before it was there: then
        it is ours if its tip says that this run made it.
        """
        if base not in branches:
            raise AiDevError(
                f"The branch {base} has no commit.",
                "It does not exist, or the repository is empty.",
                "Check the input base-branch, or push a first commit.",
            )
        names, told = self._names(branches), self._find_told(branches, task.marker, repository)
        if told and any(f"{told}-".startswith(f"{name}-") for name in names):
            names.insert(0, told)
        for i, name in enumerate(names):
            spare = (*(n for n in names[i + 1 :] if n not in branches), self._flat)
            if name not in branches:
                return Start(base, branches[base], name, None, spare), None
            pulls = repository.find_pulls(name)
            live = next((p for p in pulls if p.state == "open"), None)
            ours = bool(live and live.user and live.user.id == task.us.id)
            if ours or (name == told and (live or not pulls)):
                return Start(base, branches[base], name, branches[name], spare), live
        raise AiDevError(
            f"No name is free for a branch of {self.stem}.",
            f"{_SUFFIXES} branches of that name exist and none is ours to go on with.",
            "Delete those that have ended.",
        )

    @staticmethod
    def _find_told(branches: dict[str, str], marker: Marker | None, repository: Repository) -> str:
        """The branch that our status comment tells of, if it is there and ours; else empty."""
        name = (marker and marker.branch) or ""
        if not marker or name not in branches:
            return ""
        if marker.sha is None and f"{marker.run}\n" not in repository.read_commit(branches[name]).commit.message + "\n":
            return ""
        return name

    @property
    def _flat(self) -> str:
        """The name where the prefix's folder cannot be, because a branch is called so."""
        return self.prefix.replace("/", "-") + self.stem

    def _names(self, branches: dict[str, str]) -> list[str]:
        """The names in the order they are tried, without those that git cannot have beside the branches there are."""
        parents = self.prefix.split("/")[:-1]
        taken = any("/".join(parents[: i + 1]) in branches for i in range(len(parents)))
        first = self._flat if taken else self.prefix + self.stem
        names = [first] + [f"{first}-{i}" for i in range(2, _SUFFIXES + 1)]
        return [name for name in names if not any(b.startswith(name + "/") for b in branches)]
