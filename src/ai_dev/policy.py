"""What may be committed: every rule, and the words in which a refusal tells them.

Refused is the whole commit, with all reasons at once. The order here is that of the questions: is it an ordinary file,
is its path the same on every machine, is the path one that people must change, is the content safe. One thing ends the
run instead (``Policy.guard``): a secret of the workflow in what is to be published. Limits on numbers and sizes are in
change.py, which reads what is judged here; what is allowed and deserves a look is in flags.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import Blocked, ToolError
from .leaks import Leaks
from .objects import Tree, folders_of
from .redaction import one_line

_REASONS = 20
_SHOWN = 200
_LONGEST_PART = 255
_LONGEST_PATH = 1000
_DEEPEST = 40
_OWN = ("ai-dev.yml", "ai-dev.yaml")


@dataclass(frozen=True)
class File:
    """A file of a change."""

    path: str
    mode: str
    """``100644`` or ``100755``; empty when it is deleted."""
    sha: str
    """The blob's id; empty when it is deleted."""
    data: bytes
    verb: str
    """``A`` added, ``M`` changed, ``D`` deleted."""
    base: bytes = b""
    """What the file held before, where that was read."""
    old_mode: str = ""
    """The mode that was at this path before; empty where there was nothing."""
    old_sha: str = ""
    """The id of what was at this path before; empty where there was nothing."""


@dataclass(frozen=True)
class Reason:
    """Why something may not be committed."""

    path: str | None
    """The file that it is about; None for all files together."""
    text: str

    def __str__(self) -> str:
        """In words, with the path."""
        return self.text if self.path is None else f"{show(self.path)}: {self.text}"


@dataclass(frozen=True)
class Policy:
    """What this workflow lets be committed."""

    leaks: Leaks
    """Finds the workflow's secrets."""
    allowed: tuple[str, ...] = ()
    """Protected paths that may be changed all the same: files, and folders with a slash at the end."""

    def guard(self, *texts: str | bytes) -> None:
        """Raise Blocked when a secret of the workflow is in one of these, as it is or encoded."""
        if any(self.leaks.found_in(text) for text in texts):
            raise Blocked

    def check_place(self, path: str, mode: str) -> list[Reason]:
        """The reasons against a file of this mode (empty when it is deleted) at this path."""
        return _name(path, [check_mode(mode), check_path(path) or self._check_protected(path)])

    def _check_protected(self, path: str) -> str:
        """Why only people change this path; empty when it is an ordinary one, or when the workflow allows it."""
        kind = find_protected(path)
        if not kind:
            return ""
        if kind == OWN_CONFIGURATION:
            return f"it is {kind}, which only people change. Undo it and describe it in the pull request instead."
        if any(path == place or (place.endswith("/") and path.startswith(place)) for place in self.allowed):
            return ""
        return (
            f"it is protected ({kind}). Undo it and describe it in the pull request instead; "
            "who wants it changed here lists it in the action's input allow-paths."
        )


def refuse(reasons: Sequence[Reason]) -> None:
    """Raise ToolError with the reasons, if there are any."""
    if reasons:
        raise ToolError("The commit is refused:\n" + "\n".join(f"- {reason}" for reason in tell(reasons)))


def tell(reasons: Sequence[Reason]) -> tuple[str, ...]:
    """The reasons in words; where they are many the first of them, and how many more there are."""
    more = (f"… and {len(reasons) - _REASONS:,} more",) if len(reasons) > _REASONS else ()
    return (*map(str, reasons[:_REASONS]), *more)


def show(path: str) -> str:
    """A path in words, whatever its bytes."""
    return one_line(path.encode("utf-8", "backslashreplace").decode(), _SHOWN) or "(no name)"


def _name(path: str, reasons: Iterable[str]) -> list[Reason]:
    return [Reason(path, reason) for reason in reasons if reason]


# Modes

_MODES = ("", "100644", "100755")
_KINDS = {"120000": "symbolic link", "160000": "submodule or a clone of another repository"}


def check_mode(mode: str) -> str:
    """Why no file of this mode may be committed; empty when it may."""
    if mode in _MODES:
        return ""
    return f"it is a {_KINDS.get(mode, 'special file')}; only ordinary files may be committed. Remove it."


# Paths

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point and the blank of Braille: they show nothing; file systems may skip them."""
_SHORT_NAME = re.compile(r"[^.~]{0,6}~[0-9]{1,6}(\.[^.]{0,3})?")
"""The form of the names that Windows gives to files beside their own: GIT~1 is .git, GITMOD~1 is .gitmodules."""


def fold(name: str) -> str:
    """What file systems that fold case and Unicode form make of a name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def check_path(path: str) -> str:  # noqa: PLR0911 - a list of rules
    """Why a path may not be written; empty when it may: it is then plain, and the same on every file system."""
    parts = path.split("/")
    folded = [fold(part) for part in parts]
    if any("\udc80" <= c <= "\udcff" for c in path):
        return "its name is not UTF-8."
    if any(unicodedata.category(c) in _INVISIBLE for c in path) or _IGNORABLE.search(path):
        return "its name has control or invisible characters."
    if "\\" in path or ":" in path:
        return "its name has a backslash or a colon."
    if any(part in ("", ".", "..") for part in (*parts, *folded)) or any("/" in part for part in folded):
        return "its path is not a plain relative path."
    if len(path.encode()) > _LONGEST_PATH or len(parts) > _DEEPEST:
        return f"its path is longer than {_LONGEST_PATH:,} bytes or deeper than {_DEEPEST} folders."
    if any(len(part.encode()) > _LONGEST_PART or part[-1] in ". " for part in (*parts, *folded)):
        return "a part of its path is too long, or ends with a dot or a space."
    if ".git" in folded:
        return "it is in a .git folder."
    if any(_SHORT_NAME.fullmatch(part) for part in folded):
        return "a part of its path looks like the short name that Windows gives to another file. Rename it."
    return ""


_ELSEWHERE = "it is not where the sandbox says that it is."


def check_neighbours(paths: Iterable[str], old: Tree, new: Tree) -> list[Reason]:
    """The reasons against paths that stand in the new tree, for those of them, and their folders, that are added."""
    alike = {folder: _group(entries) for folder, entries in new.folders.items()}
    return [Reason(path, why) for path in paths if (why := _check_place_in(path, old, alike))]


def check_deleted(paths: Iterable[str], old: Tree) -> list[Reason]:
    """The reasons against paths of deleted files: that there was none."""
    return [Reason(path, _ELSEWHERE) for path in paths if not old.find_file(path)]


def _group(names: Iterable[str]) -> dict[str, list[str]]:
    """The names of a folder by what they are where case and Unicode form do not count."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold(name), []).append(name)
    return groups


def _check_place_in(path: str, old: Tree, alike: dict[str, dict[str, list[str]]]) -> str:
    for folder, part in zip(folders_of(path), path.split("/"), strict=True):
        if old.find_id(f"{folder}/{part}".lstrip("/")):
            continue
        names = alike.get(folder, {}).get(fold(part), [])
        if part not in names:
            return _ELSEWHERE
        if others := [name for name in names if name != part]:
            return (
                f"{show(part)} and {show(others[0])} are one name where case and Unicode form do not count. Rename it."
            )
    return ""


# Protected paths

OWN_CONFIGURATION = "AI Dev's own configuration"
_FILES = {
    "CI": (
        "action.yml action.yaml .gitlab-ci.yml .travis.yml azure-pipelines.yml azure-pipelines.yaml jenkinsfile "
        ".azure-pipelines.yml bitbucket-pipelines.yml appveyor.yml .appveyor.yml .drone.yml .drone.star .cirrus.yml "
        ".cirrus.star "
        "circle.yml .woodpecker.yml .woodpecker.yaml buildspec.yml buildspec.yaml cloudbuild.yml cloudbuild.yaml "
        "codemagic.yaml wercker.yml .mergify.yml .pre-commit-config.yaml renovate.json renovate.json5 .renovaterc "
        ".renovaterc.json .renovaterc.json5"
    ),
    "git's own configuration": ".gitattributes .gitmodules .lfsconfig .gitconfig",
    "the owners of the code": "codeowners",
    "instructions for assistants": (
        "agents.md agents.override.md agent.md claude.md claude.local.md gemini.md qwen.md warp.md skill.md "
        "copilot-instructions.md .cursorrules .cursorignore .windsurfrules .clinerules .roorules .goosehints "
        ".aider.conf.yml .mcp.json mcp.json opencode.json"
    ),
    "a package manager's configuration": (
        ".npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .pnpmfile.mjs pnpmfile.js bunfig.toml .bunfig.toml pip.conf pip.ini "
        ".pypirc uv.toml poetry.toml .condarc condarc .netrc _netrc .gemrc nuget.config auth.json .terraformrc "
        "terraform.rc .bazelrc .curlrc .wgetrc .envrc mise.toml .mise.toml"
    ),
}
_KIND_OF = {name: kind for kind, names in _FILES.items() for name in names.split()}
_FOLDERS = {
    ".cargo": "a package manager's configuration",
    ".yarn": "a package manager's configuration",
    ".mvn": "a package manager's configuration",
    ".bundle": "a package manager's configuration",
}
"""Folders that count wherever they are; those at the top whose names begin with a dot all do."""


def find_protected(path: str) -> str:
    """What kind of protected path this is; empty when it is an ordinary one."""
    *folders, name = [fold(part) for part in path.split("/")]
    if folders == [".github"] and name in _OWN:
        return OWN_CONFIGURATION
    if folders[:2] in ([".github", "workflows"], [".github", "actions"]):
        return "CI"
    if kind := _KIND_OF.get(name, ""):
        return kind
    if name.startswith("jenkinsfile."):
        return "CI"
    if folders and folders[0].startswith("."):
        return f"the folder {folders[0]} at the top"
    return next((_FOLDERS[folder] for folder in folders if folder in _FOLDERS), "")


def is_workflow(path: str) -> bool:
    """Whether GitHub asks for a permission of its own to change this path."""
    return [fold(part) for part in path.split("/")][:2] == [".github", "workflows"]


# Contents

_WORD = rb"(?<![A-Za-z0-9_-])"
_CREDENTIALS = {
    "GitHub token": re.compile(_WORD + rb"(?:gh[opusr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})"),
    "OpenAI key": re.compile(_WORD + rb"sk-(?=[A-Za-z_-]{0,100}[0-9])[A-Za-z0-9_-]{20,255}"),
    "E2B key": re.compile(_WORD + rb"e2b_[0-9a-f]{32,64}"),
    "AWS key": re.compile(_WORD + rb"(?:AKIA|ASIA)(?!.{9}EXAMPLE)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "Slack token": re.compile(_WORD + rb"xox[abeoprs]-[A-Za-z0-9-]{10,255}|hooks\.slack\.com/services/T\w{5,50}/B"),
    "private key (PEM)": re.compile(rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY-----"),
    "JSON web token": re.compile(_WORD + rb"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}"),
}
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_POINTER = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
_POINTER_SIZE = 1024
_BINARY = 8000
"""Bytes at the start of a file among which git looks for a NUL."""


def check_content(file: File) -> list[Reason]:
    """The reasons against what a file holds, where its base does not hold it already."""
    if file.verb == "D":
        return []
    reasons = [
        f"line {line} has what looks like a real credential: {kind}. Use a placeholder that nobody can mistake for one."
        for kind, pattern in _CREDENTIALS.items()
        if (line := _find_new(pattern, file))
    ]
    if line := _find_bidi(file):
        reasons.append(f"line {line} has characters that turn the direction of text. Remove or escape them.")
    if is_pointer(file.data):
        reasons.append("it is a Git LFS pointer, and nobody would upload what it points to. Leave such files alone.")
    return _name(file.path, reasons)


def is_pointer(data: bytes) -> bool:
    """Whether this is what Git LFS keeps in place of a file."""
    return len(data) <= _POINTER_SIZE and data.startswith(_POINTER)


def _find_new(pattern: re.Pattern[bytes], file: File) -> int:
    """The line of the first match that the base does not have; 0 where there is none."""
    found = next(pattern.finditer(file.data), None)
    if found is None:
        return 0
    known = {match.group() for match in pattern.finditer(file.base)}
    new = next((match for match in pattern.finditer(file.data) if match.group() not in known), None)
    return 1 + file.data.count(b"\n", 0, new.start()) if new else 0


def _find_bidi(file: File) -> int:
    """The first line with characters that turn the direction of text which is not one of the base's; 0 for none."""
    text = decode(file.data)
    if not _BIDI.search(text):
        return 0
    known = set(decode(file.base).split("\n"))
    lines = enumerate(text.split("\n"), 1)
    return next((number for number, line in lines if _BIDI.search(line) and line not in known), 0)


def decode(data: bytes) -> str:
    """The text in a file: none where git takes it for binary, UTF-16 where it begins so."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return "" if b"\0" in data[:_BINARY] else data.decode("utf-8", "replace")
