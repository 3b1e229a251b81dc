"""Files -> flags: what may be committed and deserves a look, listed on top of the pull request, by path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from .policy import File, decode, find_protected, fold, show


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


DELETED = "deleted"
_FLAGS = 30
_KEPT = 50
_MANY = 10
_LONG_LINE = 2000
_HEAD = "> [!IMPORTANT]\n> Look at these with care before you merge:\n"
_HIDDEN = re.compile("[\u00ad\u115f\u1160\u2060-\u2064\u3164\uffa0\U000e0000-\U000e0fff]")
_BLOCK = 20_000
_LINE = re.compile(r"^> - `([^`\n]{1,300})`: ([a-z ,']{1,300})$", re.MULTILINE)
_LOCKFILES = _names(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock poetry.lock uv.lock "
    "pdm.lock pipfile.lock conda-lock.yml cargo.lock go.sum gemfile.lock composer.lock mix.lock podfile.lock "
    "package.resolved packages.lock.json gradle.lockfile flake.lock pubspec.lock"
)
_INSTALLED = _names(
    "setup.py build.rs binding.gyp gemfile extconf.rb composer.json pnpm-workspace.yaml "
    "build.gradle build.gradle.kts settings.gradle settings.gradle.kts gradle-wrapper.properties pom.xml"
)
_BUILT = _names(
    "dockerfile containerfile compose.yml compose.yaml docker-compose.yml docker-compose.yaml makefile gnumakefile "
    "cmakelists.txt justfile taskfile.yml rakefile gulpfile.js gruntfile.js tox.ini noxfile.py procfile vagrantfile "
    "netlify.toml vercel.json"
)
_SCRIPT_ENDS = (".sh", ".bash", ".zsh", ".ps1", ".bat", ".cmd", ".mk", ".dockerfile")
_SCRIPT_FOLDERS = _names("ci scripts script hooks githooks hack")
_INSTALL_SCRIPT = re.compile(rb'"(?:pre|post)?(?:install|prepare|pack|publish)(?:Only)?"\s{0,20}:', re.IGNORECASE)


def add_flags(flags: dict[str, str], files: Iterable[File]) -> dict[str, str]:
    """What deserves a look, by path, when these files are committed on top of those that were flagged."""
    flagged = flags | {file.path: flag(file) for file in files}
    return {path: kind for path, kind in flagged.items() if kind}


def flag(file: File) -> str:
    """Why a file that may be committed deserves a look; empty when it does not."""
    if file.verb == "D":
        return DELETED
    return ", ".join(kind for kind, deserves in _KINDS_OF_FLAGS.items() if deserves(file))


def _file_name(file: File) -> str:
    return fold(file.path.rpartition("/")[2])


def _is_manifest(file: File) -> bool:
    name = _file_name(file)
    return name in _INSTALLED or (name == "package.json" and bool(_INSTALL_SCRIPT.search(file.data)))


def _is_build(file: File) -> bool:
    name = _file_name(file)
    return name in _BUILT or name.startswith(("dockerfile.", "makefile."))


def _is_script(file: File) -> bool:
    *folders, name = [fold(part) for part in file.path.split("/")]
    return name.endswith(_SCRIPT_ENDS) or bool(_SCRIPT_FOLDERS & set(folders))


def _is_binary(file: File) -> bool:
    return b"\0" in file.data or "\ufffd" in file.data.decode("utf-8", "replace")


def _has_long_lines(file: File) -> bool:
    return not _is_binary(file) and any(len(line) > _LONG_LINE for line in file.data.split(b"\n"))


def _loses_much(file: File) -> bool:
    lines = file.base.count(b"\n")
    return lines >= 100 and file.data.count(b"\n") < lines // 2


_KINDS_OF_FLAGS: dict[str, Callable[[File], bool]] = {
    "a protected path that the workflow allows": lambda file: bool(find_protected(file.path)),
    "a lockfile": lambda file: _file_name(file) in _LOCKFILES,
    "a manifest that runs code when it is installed": _is_manifest,
    "part of the build": _is_build,
    "a script": _is_script,
    "binary": _is_binary,
    "lines too long to read": _has_long_lines,
    "less than half of its lines are left": _loses_much,
    "characters that show nothing": lambda file: bool(_HIDDEN.search(decode(file.data))),
}


def describe_flags(flags: dict[str, str]) -> str:
    """What deserves a look, in Markdown; empty where nothing does. Deleted files do where there are many."""
    deleted = [path for path, kind in flags.items() if kind == DELETED]
    lines = [f"{_quote(path)}: {kind}" for path, kind in flags.items() if kind != DELETED]
    if len(deleted) >= _MANY:
        lines.insert(0, f"{len(deleted)} files are deleted, such as {_quote(deleted[0])}")
    if not lines:
        return ""
    more = [f"… and {len(lines) - _FLAGS} more"] if len(lines) > _FLAGS else []
    listed = "\n".join(f"> - {line}" for line in lines[:_FLAGS] + more)
    return f"{_HEAD}{listed}"


def place_flags(flags: dict[str, str], body: str) -> str:
    """The body of a pull request with these flags on top, in place of those that are there; its text stays."""
    flagged, body = describe_flags(flags), body.replace("\r\n", "\n")
    if not flagged:
        return body
    text = body.partition("\n\n")[2] if body.startswith(_HEAD) else body
    return f"{flagged}\n\n{text}"


def read_flags(body: str) -> dict[str, str]:
    """The flags on top of the body of a pull request, as far as they are of single files."""
    block = body[:_BLOCK].replace("\r\n", "\n").partition("\n\n")[0]
    return dict(_LINE.findall(block)) if block.startswith(_HEAD) else {}


def save_flags(flags: dict[str, str]) -> str:
    """Some of the flags as text that the post step reads again."""
    return json.dumps(dict(list(flags.items())[:_KEPT]), ensure_ascii=False)


def load_flags(text: str) -> dict[str, str]:
    """The flags in a text that ``save_flags`` wrote."""
    flags: dict[str, str] = json.loads(text or "{}")
    return flags


def _quote(path: str) -> str:
    return f"`{show(path).replace('`', chr(39))}`"
