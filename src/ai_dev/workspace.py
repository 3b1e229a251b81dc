"""Task -> Workspace: a sandbox that holds the repository. The only module that imports e2b."""

from __future__ import annotations

import contextlib
import re
import shlex
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Self

import e2b
from e2b import CommandExitException, CommandResult, Sandbox

from .errors import AiDevError, Failure, SandboxGone, Service, ServiceError, ToolError
from .redaction import left_out, plain
from .runner import Note, Tell, Warned
from .settings import Settings
from .snapshot import Snapshot

REPOSITORY = "/home/user/repository"
OURS = "/home/user/.ai-dev"
"""Beside the repository: what we keep in the sandbox."""
OUTPUT_LIMIT = 40_000
"""Bytes of a command's output that the model is shown."""
_COMMAND_LIMIT = 60_000
_SHELL_TIMEOUT = 120
_HOBBY_LIFE = 3600
_SPARE_LIFE = 600

_ENVIRONMENT = {
    "CI": "1",
    "DEBIAN_FRONTEND": "noninteractive",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "NO_COLOR": "1",
    "NPM_CONFIG_PROGRESS": "false",
    "PAGER": "cat",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_PROGRESS_BAR": "off",
}

_GIT = f"""
export GIT_DIR={OURS}/git GIT_WORK_TREE={REPOSITORY} LC_ALL=C
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_NO_REPLACE_OBJECTS=1
cd {REPOSITORY} || exit 90
"""
"""A git repository of our own over the model's files: whatever it does to its ``.git`` does not count."""

_DROPPINGS = (
    "node_modules/ .venv/ venv/ __pycache__/ *.py[co] .pytest_cache/ .mypy_cache/ .ruff_cache/ .tox/ .nox/ "
    "*.egg-info/ .coverage .hypothesis/ .DS_Store"
)
"""What building and testing leave behind, and nobody commits on purpose."""

_LOAD = """
set -e
command -v git >/dev/null || exit 91
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
mkdir -p {repository} {ours}/output
cd {repository}
git init -q .
git symbolic-ref HEAD {head}
git index-pack --stdin < {pack} >/dev/null
rm {pack}
printf '%s' {shallow} > .git/shallow
test -s .git/shallow || rm .git/shallow
printf '%s' {refs} | git update-ref --stdin
git config user.name {name}
git config user.email {email}
git config gc.auto 0
git checkout -q -f HEAD
git init -q --bare {ours}/git
ln .git/objects/pack/* {ours}/git/objects/pack/ || cp .git/objects/pack/* {ours}/git/objects/pack/
test ! -e .git/shallow || cp .git/shallow {ours}/git/shallow
cp .git/index {ours}/git/index
git --git-dir={ours}/git config core.bare false
git --git-dir={ours}/git config core.compression 0
git --git-dir={ours}/git config gc.auto 0
printf '%s\\n' {droppings} > {ours}/git/info/exclude
git rev-parse 'HEAD^{{tree}}'
"""


@dataclass(frozen=True)
class Outcome:
    """What a command came to. All of it is the sandbox's claim."""

    exit_code: int
    seconds: float
    output: str
    """Standard output and errors as they came, at most about OUTPUT_LIMIT bytes: start and end."""
    size: int
    """Bytes that it printed in all."""
    file: str
    """Where in the sandbox all of it is."""


class Workspace:
    """One sandbox. Raises ServiceError (SandboxGone when it is no more), and ToolError when only this call failed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @classmethod
    def create(cls, settings: Settings, metadata: dict[str, str], seconds: int, tell: Tell) -> Self:
        """Start a sandbox that lives for ``seconds`` and ten minutes, or for as long as the plan allows."""
        life = seconds + _SPARE_LIFE
        key = str(uuid.uuid4())
        try:
            sandbox = cls._create(settings, metadata, life, key)
        except ServiceError as e:
            if e.failure.status != 400 or "timeout" not in e.failure.detail.lower() or life <= _HOBBY_LIFE:
                raise
            minutes = _HOBBY_LIFE // 60
            tell(Warned(f"The E2B plan refuses a sandbox of {life // 60} minutes; this one ends after {minutes}."))
            sandbox = cls._create(settings, metadata, _HOBBY_LIFE, str(uuid.uuid4()))
        tell(Note(f"Sandbox {sandbox.sandbox_id} is up."))
        return cls(sandbox)

    @staticmethod
    def _create(settings: Settings, metadata: dict[str, str], life: int, key: str) -> Sandbox:
        with _faults("create the sandbox", gone=False):
            return Sandbox.create(
                template=settings.sandbox_template or None,
                timeout=life,
                metadata={k: re.sub(r"[^A-Za-z0-9._-]", ".", v) for k, v in metadata.items()},
                lifecycle={"on_timeout": "kill"},
                idempotency_key=key,
                **_address(settings),
            )

    @classmethod
    def connect(cls, settings: Settings, sandbox_id: str) -> Self:
        """Go on in a sandbox that an earlier step started. Raises SandboxGone when it is no more."""
        with _faults("connect to the sandbox"):
            return cls(Sandbox.connect(sandbox_id, timeout=_SPARE_LIFE, **_address(settings)))

    @staticmethod
    def end(settings: Settings, sandbox_id: str) -> None:
        """End a sandbox that an earlier step started, if it has not ended already."""
        with _faults("end the sandbox"), contextlib.suppress(e2b.SandboxNotFoundException):
            Sandbox.kill(sandbox_id, **_address(settings))

    @property
    def id(self) -> str:
        """E2B's name of the sandbox."""
        return self._sandbox.sandbox_id

    def close(self) -> None:
        """End the sandbox and everything that runs in it; nothing happens when it has ended already."""
        with _faults("end the sandbox"), contextlib.suppress(e2b.SandboxNotFoundException):
            self._sandbox.kill()

    def load(self, snapshot: Snapshot) -> str:
        """Make the repository of ``snapshot`` with its start checked out; give the id of its tree.

        HEAD is our branch, the commits have their true ids, there is no remote and `git status` is clean.
        """
        start = snapshot.start
        pack = f"{OURS}/base.pack"
        with _faults("receive the repository"), snapshot.pack.open("rb") as file:
            self._sandbox.files.write(pack, file)
        refs = {f"refs/heads/{start.base}": start.base_sha, f"refs/heads/{start.branch}": start.sha}
        refs |= {f"refs/tags/{name}": sha for name, sha in snapshot.tags.items()}
        script = _LOAD.format(
            repository=REPOSITORY,
            ours=OURS,
            pack=pack,
            head=shlex.quote(f"refs/heads/{start.branch}"),
            shallow=shlex.quote("".join(f"{sha}\n" for sha in snapshot.shallow)),
            refs=shlex.quote("".join(f"create {ref} {sha}\n" for ref, sha in refs.items())),
            name=shlex.quote("ai-dev"),
            email=shlex.quote("ai-dev@users.noreply.github.com"),
            droppings=" ".join(shlex.quote(d) for d in _DROPPINGS.split()),
        )
        result = self._shell(script)
        if result.exit_code == 91:
            raise AiDevError("The sandbox has no git.", cure="Use a sandbox-template that has bash and git.")
        tree = result.stdout.strip()
        if result.exit_code or not re.fullmatch(r"[0-9a-f]{40}", tree):
            raise AiDevError("The repository cannot be set up in the sandbox.", plain(result.stderr)[-1000:])
        return tree

    def git(self, script: str, timeout: int = _SHELL_TIMEOUT) -> str:
        """Run a script of ours that sees the model's files through a git repository of our own; give what it prints.

        Raises ToolError with what git said when it fails.
        """
        result = self._shell("set -e\n" + _GIT + script, timeout)
        if result.exit_code == 90:
            raise ToolError(f"The folder {REPOSITORY} is gone.")
        if result.exit_code:
            raise ToolError(f"git failed in the sandbox: {plain(result.stderr).strip()[-2000:] or result.exit_code}")
        return result.stdout

    def query(self, script: str) -> tuple[int, str, str]:
        """Run a short script of ours in the repository; give its exit code, output and errors."""
        result = self._shell(f"cd {REPOSITORY} || exit 90\n{script}")
        return result.exit_code, result.stdout, plain(result.stderr).strip()

    def run(self, command: str, workdir: str, seconds: int, on_output: Callable[[str], None]) -> Outcome:
        """Run a command of the model's; ``on_output`` gets its output while it runs.

        At ``seconds`` its whole process group is ended (exit code 124, or 137 if it had to be killed) and what it
        printed is kept. What it starts in the background lives on and cannot hold the call.
        """
        if len(command.encode()) > _COMMAND_LIMIT:
            raise ToolError(f"The command has more than {_COMMAND_LIMIT:,} bytes: write a script to a file, run that.")
        nonce = uuid.uuid4().hex
        script = (
            f"cd -- {shlex.quote(workdir)} || exit 1\n"
            f"mkdir -p {OURS}/output; f=$(mktemp {OURS}/output/XXXXXX.txt) || exit 1\n"
            f'setsid timeout -k 5 {seconds} bash -c {shlex.quote(command)} >"$f" 2>&1 </dev/null & p=$!\n'
            f'tail -s 0.05 -n +1 -f --pid=$p "$f" 2>/dev/null | stdbuf -o0 head -c {OUTPUT_LIMIT}; wait $p; c=$?\n'
            f"""printf '\\n%s %s %s %s\\n' {nonce} "$c" "$(stat -c %s "$f")" "$f" >&2"""
        )
        began = monotonic()
        result = self._shell(script, seconds + 30, on_output)
        took = monotonic() - began
        said = re.search(rf"{nonce} (\d+) (\d+) (\S+)\s*$", result.stderr)
        if said is None:
            raise ToolError(f"The command could not be run: {plain(result.stderr).strip()[-1000:] or 'no reason'}")
        exit_code, size, file = int(said[1]), int(said[2]), said[3]
        output = result.stdout
        if size > OUTPUT_LIMIT:
            half = OUTPUT_LIMIT // 2
            head = output.encode()[:half].decode("utf-8", "ignore")
            tail = self._shell(f"tail -c {half} {shlex.quote(file)}").stdout
            output = head + left_out(size - 2 * half, f"all of it is in {file}") + tail
        return Outcome(exit_code, took, plain(output), size, file)

    def read(self, path: str, limit: int) -> bytes:
        """A file's bytes. ToolError when it is not there or has more than ``limit``."""
        data = bytearray()
        with _faults(f"read {path}"), self._sandbox.files.read(path, format="stream") as stream:
            for chunk in stream:
                data += chunk
                if len(data) > limit:
                    raise ToolError(f"{path} has more than {limit:,} bytes.")
        return bytes(data)

    def write(self, path: str, data: bytes) -> None:
        """Write a file, with the folders above it."""
        with _faults(f"write {path}"):
            self._sandbox.files.write(path, data)

    def _shell(
        self, script: str, timeout: int = _SHELL_TIMEOUT, on_output: Callable[[str], None] | None = None
    ) -> CommandResult:
        with _faults("run a command in the sandbox"):
            try:
                return self._sandbox.commands.run(script, envs=_ENVIRONMENT, timeout=timeout, on_stdout=on_output)
            except CommandExitException as e:
                return CommandResult(stderr=e.stderr, stdout=e.stdout, exit_code=e.exit_code, error=e.error)


def _address(settings: Settings) -> e2b.ApiParams:
    """Where E2B is, as arguments: nothing is left to its environment variables."""
    return e2b.ApiParams(
        api_key=settings.e2b_api_key.get_secret_value(),
        domain=settings.e2b_domain or None,
        api_url=settings.e2b_api_url or None,
        sandbox_url=settings.e2b_sandbox_url or None,
        debug=False,
    )


_GONE = (e2b.SandboxNotRunningException, e2b.SandboxNotFoundException, e2b.SandboxUnreachableException)
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (e2b.AuthenticationException, 401),
    (e2b.RateLimitException, 429),
    (e2b.ServiceBusyException, 503),
    (e2b.NotFoundException, 404),
)


@contextlib.contextmanager
def _faults(doing: str, *, gone: bool = True) -> Iterator[None]:
    """Turn whatever the package raises into ours: it raises exceptions of its own, of httpx, and bare ones.

    ``gone``: whether the sandbox is known to have been there.
    """
    try:
        yield
    except (AiDevError, ToolError):
        raise
    except e2b.FileNotFoundException:
        raise ToolError(f"Could not {doing}: there is no such file.") from None
    except e2b.NotEnoughSpaceException:
        raise ToolError(f"Could not {doing}: the sandbox's disk is full.") from None
    except Exception as e:
        status = next((s for kind, s in _STATUSES if isinstance(e, kind)), getattr(e, "status_code", None))
        failure = Failure(Service.E2B, doing, f"{type(e).__name__}: {e}"[:600], status=status)
        if gone and isinstance(e, _GONE):
            raise SandboxGone(failure) from None
        raise ServiceError(failure) from e
