"""Task -> Workspace: a sandbox that holds the repository. The only module that imports e2b."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shlex
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Self, TypeVar, cast

import e2b
from e2b import CommandExitException, CommandResult, Sandbox, SandboxNetworkOpts, SandboxNetworkUpdate, SandboxQuery

from .background import begin
from .configuration import CONFIGURATION, CONFIGURATION_LIMIT
from .errors import (
    FULL,
    MALFORMED,
    AiDevError,
    Failure,
    SandboxFull,
    SandboxGone,
    Service,
    ServiceError,
    ToolError,
    connection_code,
    persist,
)
from .network import Network
from .redaction import cut_middle, left_out, plain
from .runner import Note, Tell, Warned
from .settings import Settings
from .snapshot import Snapshot, Start

REPOSITORY = "/home/user/repository"
OURS = "/home/user/.ai-dev"
"""Beside the repository: what we keep in the sandbox."""
OUTPUT_LIMIT = 39_000
"""Bytes of a command's output that the model is shown: a little less than one answer may have."""
_COMMAND_LIMIT = 60_000
_MESSAGE = 10_000
_SCRIPT_LIMIT = 100_000
_PRINTED_LIMIT = 8 << 20
"""Characters that one call to the sandbox's shell may print: more than any of our scripts does."""
_ID = re.compile("[A-Za-z0-9_-]{1,100}")
"""Names of sandboxes: they become part of addresses."""
_HOSTS_FILE = "/etc/hosts"
_HOSTS_LIMIT = 100_000
_RESOLVE_SECONDS = 5
_EVERYTHING = "0.0.0.0/0"
_SHELL_TIMEOUT = 120
_LOAD_TIMEOUT = 600
_ALIVE_TIMEOUT = 10
_CONNECTING = 30
"""Seconds in which a sandbox that may hold unfinished work is asked for again."""
_ENDING = 5
"""Seconds in which the end of a sandbox is asked for again."""
_HOBBY_LIFE = 3600
_SPARE_LIFE = 600

_Given = TypeVar("_Given")

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
exec 9>{OURS}/lock
! command -v flock >/dev/null || flock -w 60 9
"""
"""A git repository of our own over the model's files: whatever it does to its ``.git`` does not count.

A script whose connection broke goes on in the sandbox: the next one waits for it.
"""

_DROPPINGS = (
    "node_modules/ .venv/ venv/ __pycache__/ *.py[co] .pytest_cache/ .mypy_cache/ .ruff_cache/ .tox/ .nox/ "
    "*.egg-info/ .coverage .hypothesis/ .DS_Store"
)
"""What building and testing leave behind, and nobody commits on purpose."""

_NEEDED = "git base64 cut find head mktemp sed setsid sort stat stdbuf tail timeout wc"
"""Commands that everything here is made of; small images lack some."""

_LOAD = """
set -e
missing=$(for name in {needed}; do command -v $name >/dev/null || echo $name; done)
test -z "$missing" || {{ echo $missing; exit 91; }}
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 LC_ALL=C
mkdir -p {repository} {ours}/output
cd {repository}
git init -q .
git index-pack --stdin < {pack} >/dev/null
rm {pack}
printf '%s' {shallow} > .git/shallow
test -s .git/shallow || rm .git/shallow
printf '%s' {refs} | git update-ref --stdin
git config user.name {name}
git config user.email {email}
git config gc.auto 0
configuration=$(git cat-file blob {base_sha}:{configuration} 2>/dev/null | head -c {limit} | base64 -w0)
if test -n "$configuration"; then git symbolic-ref HEAD {base}; else git symbolic-ref HEAD {branch}; fi
git checkout -q -f HEAD
# What git would rewrite as soon as it looks is taken as it is: nobody asked to have it in the first commit.
mkdir -p .git/info {ours}/git/info
git diff-files --name-only | {as_is} > .git/info/attributes
cp .git/info/attributes {ours}/git/info/attributes
git init -q --bare {ours}/git
ln .git/objects/pack/* {ours}/git/objects/pack/ || cp .git/objects/pack/* {ours}/git/objects/pack/
test ! -e .git/shallow || cp .git/shallow {ours}/git/shallow
cp .git/index {ours}/git/index
git --git-dir={ours}/git config core.bare false
git --git-dir={ours}/git config core.compression 0
git --git-dir={ours}/git config gc.auto 0
printf '%s\\n' {droppings} | tee {ours}/git/info/exclude > .git/info/exclude
git rev-parse {sha}'^{{tree}}'
echo "$configuration"
"""

_CHECK_OUT = """
rm -f $GIT_DIR/info/attributes $GIT_DIR/index.lock
git read-tree --reset -u {sha}
git diff-files --name-only | {as_is} > $GIT_DIR/info/attributes
# What the set-up commands left beside the repository's files is theirs, and in no commit.
git ls-files --others --exclude-standard --directory -z | tr '\\0' '\\n' | head -n {left} |
  sed -e 's|[][\\\\*?]|\\\\&|g' -e 's| $|\\\\ |' -e 's|^|/|' >> $GIT_DIR/info/exclude
cp $GIT_DIR/info/attributes $GIT_DIR/info/exclude .git/info/
cp $GIT_DIR/index .git/index
rm -f .git/index.lock
export GIT_DIR={repository}/.git
git update-ref {branch} {sha}
git symbolic-ref HEAD {branch}
"""
_AS_IS = """sed -e '/^"/!s/.*/"&"/' -e 's|^"|"/|' -e 's|$| -text -ident -filter -working-tree-encoding|'"""
"""Names of files -> attributes by which git leaves the files as they are."""
_LEFT = 1000
"""Files and folders that set-up commands may leave."""


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


@dataclass(frozen=True)
class Loaded:
    """What the sandbox found in the repository before anything else ran in it."""

    tree: str
    """Id of the tree that the work starts from."""
    configuration: bytes
    """The repository's configuration at the base commit, one byte more than it may have at the most."""


class Workspace:
    """One sandbox. Raises ServiceError (SandboxGone when it is no more), and ToolError when only this call failed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @classmethod
    def create(cls, settings: Settings, network: Network, metadata: dict[str, str], seconds: int, tell: Tell) -> Self:
        """Start a sandbox that lives for ``seconds`` and ten minutes, or for as long as the plan allows.

        It reaches no more than ``network`` from its first moment, and nothing reaches it but we.
        """
        life = seconds + _SPARE_LIFE
        key = str(uuid.uuid4())
        try:
            sandbox = cls._create(settings, network, metadata, life, key)
        except ServiceError as e:
            if e.failure.status != 400 or "timeout" not in e.failure.detail.lower() or life <= _HOBBY_LIFE:
                raise
            minutes = _HOBBY_LIFE // 60
            tell(Warned(f"The E2B plan refuses a sandbox of {life // 60} minutes; this one ends after {minutes}."))
            sandbox = cls._create(settings, network, metadata, _HOBBY_LIFE, str(uuid.uuid4()))
        tell(Note(f"Sandbox {sandbox.sandbox_id} is up."))
        workspace = cls(sandbox)
        if network.names:
            workspace._name_hosts(network.names, tell)
        return workspace

    @staticmethod
    def _create(settings: Settings, network: Network, metadata: dict[str, str], life: int, key: str) -> Sandbox:
        """One sandbox for one key, however often it is asked for: the package asks again unless no answer came."""

        def ask() -> Sandbox:
            with _faults("create the sandbox", gone=False):
                made = Sandbox.create(
                    template=settings.sandbox_template or None,
                    timeout=life,
                    metadata=_clean(metadata),
                    lifecycle={"on_timeout": "kill"},
                    network=cast(SandboxNetworkOpts, {**_rules(network), "allow_public_traffic": False}),
                    idempotency_key=key,
                    **_address(settings),
                )
            if not _ID.fullmatch(made.sandbox_id):
                raise ServiceError(Failure(Service.E2B, "create the sandbox", "It gives it no name.", code=MALFORMED))
            return made

        return _insist(ask)  # by the key it gives the sandbox that may be there already

    @classmethod
    def connect(cls, settings: Settings, sandbox_id: str) -> Self:
        """Go on in a sandbox that an earlier step started. Raises SandboxGone when it is no more."""

        def ask() -> Sandbox:
            with _faults("connect to the sandbox"):
                return Sandbox.connect(sandbox_id, timeout=_SPARE_LIFE, **_address(settings))

        return cls(persist(ask, monotonic() + _CONNECTING))

    @staticmethod
    def find(settings: Settings, metadata: dict[str, str]) -> dict[str, dict[str, str]]:
        """The living sandboxes that were created with these metadata: all metadata by the sandbox's name."""
        with _faults("look for sandboxes", gone=False):
            query = SandboxQuery(metadata=_clean(metadata))
            found = Sandbox.list(query=query, **_address(settings)).next_items()
            return {info.sandbox_id: info.metadata for info in found if _ID.fullmatch(info.sandbox_id)}

    @staticmethod
    def end(settings: Settings, sandbox_id: str) -> None:
        """End a sandbox that an earlier step started, if it has not ended already; nobody else will."""

        def ask() -> None:
            with _faults("end the sandbox"), contextlib.suppress(e2b.SandboxNotFoundException):
                Sandbox.kill(sandbox_id, **_address(settings))

        persist(ask, monotonic() + _ENDING)

    @property
    def id(self) -> str:
        """E2B's name of the sandbox."""
        return self._sandbox.sandbox_id

    def is_alive(self) -> bool:
        """Whether the sandbox still answers."""
        try:
            with _faults("ask whether the sandbox is there"):
                return self._sandbox.is_running(request_timeout=_ALIVE_TIMEOUT)
        except ServiceError:
            return False

    def close(self) -> None:
        """End the sandbox and everything that runs in it; nothing happens when it has ended already."""
        with _faults("end the sandbox"), contextlib.suppress(e2b.SandboxNotFoundException):
            self._sandbox.kill()

    def restrict(self, network: Network) -> None:
        """Let the sandbox reach this from now on, and nothing else. Raises ServiceError."""

        def ask() -> None:
            with _faults("set what the sandbox may reach"):
                self._sandbox.update_network(_rules(network))

        persist(ask)

    def _name_hosts(self, names: tuple[str, ...], tell: Tell) -> None:
        """Write down in the sandbox where these names lead: it has no name server, for text could leave through one."""
        try:
            addresses = begin(lambda: [(_resolve(name), name) for name in names]).result(_RESOLVE_SECONDS)
            lines = "".join(f"{address} {name}\n" for found, name in addresses for address in found)
            known = self.read(_HOSTS_FILE, _HOSTS_LIMIT)
            self.write(_HOSTS_FILE, known.rstrip(b"\n") + b"\n" + lines.encode())
        except (OSError, ToolError) as e:
            tell(Warned(f"The names in sandbox-network may not be found in the sandbox. {e}"))

    def load(self, snapshot: Snapshot) -> Loaded:
        """Make the repository of ``snapshot`` and check its start out, or its base where there is a configuration.

        HEAD is our branch (or the base), the commits have their true ids, there is no remote and `git status` is clean.
        """
        start = snapshot.start
        pack = f"{OURS}/base.pack"
        _insist(lambda: self._send(snapshot.pack, pack))
        base, branch = f"refs/heads/{start.base}", f"refs/heads/{start.branch}"
        refs = {base: start.base_sha, branch: start.sha}
        refs |= {f"refs/tags/{name}": sha for name, sha in snapshot.tags.items()}
        script = _LOAD.format(
            needed=_NEEDED,
            repository=REPOSITORY,
            ours=OURS,
            pack=pack,
            base=shlex.quote(base),
            base_sha=start.base_sha,
            branch=shlex.quote(branch),
            sha=start.sha,
            configuration=CONFIGURATION,
            limit=CONFIGURATION_LIMIT + 1,
            shallow=shlex.quote("".join(f"{sha}\n" for sha in snapshot.shallow)),
            refs=shlex.quote("".join(f"create {ref} {sha}\n" for ref, sha in refs.items())),
            name=shlex.quote("ai-dev"),
            email=shlex.quote("ai-dev@users.noreply.github.com"),
            as_is=_AS_IS,
            droppings=" ".join(shlex.quote(d) for d in _DROPPINGS.split()),
        )
        try:
            result = self._script(script, _LOAD_TIMEOUT)
        except ToolError as e:
            raise AiDevError(_NOT_SET_UP, str(e), _RETRY) from None
        if result.exit_code == 91:
            raise AiDevError(f"The sandbox lacks commands: {', '.join(plain(result.stdout).split())}.", cure=_CURE)
        found = re.fullmatch(r"([0-9a-f]{40})\n([A-Za-z0-9+/]*={0,2})\n", result.stdout[:_SCRIPT_LIMIT])
        if result.exit_code or found is None or len(found[2]) % 4:
            raise AiDevError(_NOT_SET_UP, plain(result.stderr)[-1000:], _RETRY)
        return Loaded(found[1], base64.b64decode(found[2]))

    def _send(self, file: Path, path: str) -> None:
        """Stream a file into the sandbox. Raises SandboxFull when it does not fit, SandboxGone, ServiceError."""
        doing = "receive the repository"
        with _faults(doing), file.open("rb") as source:
            try:
                self._sandbox.files.write(path, source)
            except e2b.NotEnoughSpaceException:
                raise SandboxFull(Failure(Service.E2B, doing, _FULL, code=FULL)) from None

    def check_out(self, start: Start) -> None:
        """Check our branch out after the set-up commands: tracked files are the commit's, theirs are left alone."""
        script = _CHECK_OUT.format(
            repository=REPOSITORY,
            sha=start.sha,
            branch=shlex.quote(f"refs/heads/{start.branch}"),
            as_is=_AS_IS,
            left=_LEFT,
        )
        try:
            self.git(script, _LOAD_TIMEOUT)
        except ToolError as e:
            raise AiDevError(
                "The branch cannot be checked out after the set-up.",
                str(e),
                f"Check what the set-up commands in {CONFIGURATION} do to the repository and its .git folder.",
            ) from None

    def git(self, script: str, timeout: int = _SHELL_TIMEOUT) -> str:
        """Run a script of ours that sees the model's files through a git repository of our own; give what it prints.

        Raises ToolError with what git said when it fails.
        """
        result = self._script("set -e\n" + _GIT + script, timeout)
        if result.exit_code == 90:
            raise ToolError(f"The folder {REPOSITORY} is gone.")
        if result.exit_code and _NO_SPACE in result.stderr:
            raise SandboxFull(Failure(Service.E2B, "store files for git", _FULL, code=FULL))
        if result.exit_code:
            raise ToolError(f"git failed in the sandbox: {plain(result.stderr).strip()[-2000:] or result.exit_code}")
        return result.stdout

    def query(self, script: str) -> tuple[int, str, str]:
        """Run a short script of ours in the repository; give its exit code, output and errors."""
        result = self._script(f"cd {REPOSITORY} || exit 90\n{script}")
        return result.exit_code, result.stdout, plain(result.stderr).strip()

    def inspect(self, script: str, timeout: int) -> str:
        """Run a script of ours in the repository with what the model's commands find; give what it prints."""
        return self._shell(f"cd {REPOSITORY} || exit 90\n{script}", timeout, _ENVIRONMENT).stdout

    def record(self, message: str) -> None:
        """Commit in the model's own git what was pushed, so that `git status`, `diff` and `stash` there start from it.

        It is for the model's view alone: when its git is in a state that has no commit, nothing happens.
        """
        options = "-c core.hooksPath=/dev/null -c core.fsmonitor=false -c commit.gpgSign=false"
        script = f"git {options} add -A && git {options} commit -q --no-verify -m {shlex.quote(message[:_MESSAGE])}"
        with contextlib.suppress(ToolError):
            self.query(script)

    def run(self, command: str, workdir: str, seconds: int, on_output: Callable[[str], None]) -> Outcome:
        """Run a command of the model's; ``on_output`` gets its output while it runs.

        At ``seconds`` its whole process group is ended (exit code 124, or 137 if it had to be killed) and what it
        printed is kept. What it starts in the background lives on and cannot hold the call.
        """
        if "\0" in command:
            raise ToolError("The command has a NUL character.")
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
        result = self._shell(script, seconds + 30, _ENVIRONMENT, on_output)
        took = monotonic() - began
        said = re.search(rf"{nonce} ([0-9]{{1,3}}) ([0-9]{{1,15}}) (\S+)\s*$", result.stderr)
        if said is None and _NO_SPACE in result.stderr:
            raise SandboxFull(Failure(Service.E2B, "run a command", _FULL, code=FULL))
        if said is None:
            why = plain(result.stderr).strip()[-1000:] or "the shell ended before it"
            raise ToolError(f"The command could not be run: {why}")
        exit_code, size, file = int(said[1]), int(said[2]), said[3]
        return Outcome(exit_code, took, self._shorten(plain(result.stdout), size, file), size, file)

    def _shorten(self, output: str, size: int, file: str) -> str:
        """The start of a command's output and, from the file that has all of it, the end."""
        where = f"all of it is in {file}"
        if size <= OUTPUT_LIMIT:
            return cut_middle(output, OUTPUT_LIMIT, where)  # what is not UTF-8 is three times as long when it is shown
        half = OUTPUT_LIMIT // 2
        tail = plain(self._script(f"tail -c {half} {shlex.quote(file)}").stdout)
        head = output.encode()[:half].decode("utf-8", "ignore")
        return head + left_out(size - 2 * half, where) + tail.encode()[-half:].decode("utf-8", "ignore")

    def read(self, path: str, limit: int) -> bytes:
        """A file's bytes. ToolError when it is not there or has more than ``limit``."""
        data = bytearray()
        with _call_faults(f"read {path}"), self._sandbox.files.read(path, format="stream") as stream:
            for chunk in stream:
                data += chunk
                if len(data) > limit:
                    raise ToolError(f"{path} has more than {limit:,} bytes.")
        return bytes(data)

    def write(self, path: str, data: bytes) -> None:
        """Write a file, with the folders above it. ToolError when there can be no such file."""
        with _call_faults(f"write {path}"):
            self._sandbox.files.write(path, data)

    def _script(self, script: str, timeout: int = _SHELL_TIMEOUT) -> CommandResult:
        """Run a script of ours: the user's start-up files and settings have no part in it, nor what others print."""
        mark = uuid.uuid4().hex
        result = self._shell(f"echo {mark}\n{script}", timeout, {**_ENVIRONMENT, "HOME": OURS})
        _, found, output = result.stdout.partition(f"{mark}\n")
        if not found:
            raise ToolError(f"The sandbox's shell does not start. {plain(result.stderr).strip()[-1000:]}")
        return CommandResult(stderr=result.stderr, stdout=output, exit_code=result.exit_code, error=result.error)

    def _shell(
        self, script: str, timeout: int, envs: dict[str, str], on_output: Callable[[str], None] | None = None
    ) -> CommandResult:
        if len(script.encode()) > _SCRIPT_LIMIT:
            self.write(f"{OURS}/script", script.encode())
            script = f". {OURS}/script"
        with _call_faults("run a command in the sandbox"):
            try:
                hear, overhear = _listen(on_output)
                return self._sandbox.commands.run(
                    script, envs=envs, timeout=timeout, on_stdout=hear, on_stderr=overhear
                )
            except CommandExitException as e:
                return CommandResult(stderr=e.stderr, stdout=e.stdout, exit_code=e.exit_code, error=e.error)
            except e2b.InvalidArgumentException as e:
                raise AiDevError("The sandbox cannot start bash.", plain(str(e)), _CURE) from None


def _insist(ask: Callable[[], _Given]) -> _Given:
    """What this gives, asked for once more when no answer came: for what does no harm when it is done twice.

    Where an answer came that says to ask again, the package has done so.
    """
    try:
        return ask()
    except SandboxGone:
        raise
    except ServiceError as e:
        if e.failure.status is not None or e.failure.code:
            raise
        return ask()


def _listen(on_output: Callable[[str], None] | None) -> tuple[Callable[[str], None], Callable[[str], None]]:
    """Listeners to output and errors that end the call when it prints more than can be: the package keeps all of it."""
    left = _PRINTED_LIMIT

    def overhear(text: str) -> None:
        nonlocal left
        left -= len(text)
        if left < 0:
            raise ToolError("The sandbox's shell prints without end: look at the start-up files in /home/user.")

    def hear(text: str) -> None:
        overhear(text)
        if on_output:
            on_output(text)

    return hear, overhear


def _clean(metadata: dict[str, str]) -> dict[str, str]:
    """The metadata in the characters that E2B takes."""
    return {key: re.sub(r"[^A-Za-z0-9._-]", ".", value) for key, value in metadata.items()}


def _rules(network: Network) -> SandboxNetworkUpdate:
    """The network as E2B's policy, which replaces the one before.

    A name among the hosts would also open a name server, through which text can leave: none is given.
    """
    if network.open:
        return {}
    if not network.hosts:
        return {"deny_out": [_EVERYTHING]}
    return {"deny_out": [_EVERYTHING], "allow_out": list(network.hosts), "dns_servers": []}


def _resolve(name: str) -> list[str]:
    """The IPv4 addresses of a name. Raises OSError."""
    found = socket.getaddrinfo(name, 443, socket.AF_INET, socket.SOCK_STREAM)
    return sorted({str(address[0]) for *_, address in found})


def _address(settings: Settings) -> e2b.ApiParams:
    """Where E2B is, as arguments: nothing is left to its environment variables."""
    return e2b.ApiParams(
        api_key=settings.e2b_api_key.get_secret_value(),
        domain=settings.e2b_domain or None,
        api_url=settings.e2b_api_url or None,
        sandbox_url=settings.e2b_sandbox_url or None,
        debug=False,
    )


_CURE = "Use a sandbox-template that has bash, git and GNU coreutils, as Debian and Ubuntu have them."
_NOT_SET_UP = "The repository cannot be set up in the sandbox."
_RETRY = "Start the run again. If it ends so again, check the sandbox-template, if you set one."
_FULL = "Its disk is full."
_NO_SPACE = "No space left on device"
_ENDED = "It is not there any more: it was ended, or its time was up."
_GONE: dict[type[Exception], str] = {
    e2b.SandboxNotRunningException: _ENDED,
    e2b.SandboxNotFoundException: _ENDED,
    e2b.SandboxUnreachableException: "It cannot be reached any more.",
}
"""How the package says that a sandbox is gone, with our words for it: its own are advice for programmers."""
_REASONS = (
    "is a directory",
    "not a directory",
    "File exists",
    "File name too long",
    "Permission denied",
    "Read-only file system",
    "Too many levels of symbolic links",
)
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
    except Exception as e:
        status = next((s for kind, s in _STATUSES if isinstance(e, kind)), getattr(e, "status_code", None))
        detail = f"{type(e).__name__}: {e}"[:600]
        if isinstance(e, json.JSONDecodeError | KeyError):
            detail = f"The answer is not what E2B sends ({type(e).__name__}): is the address right?"
        if gone and type(e) in _GONE:
            raise SandboxGone(Failure(Service.E2B, doing, _GONE[type(e)], status=status)) from None
        failure = Failure(Service.E2B, doing, detail, status=status, code=connection_code(e))
        raise ServiceError(failure) from e


@contextlib.contextmanager
def _call_faults(doing: str) -> Iterator[None]:
    """Like ``_faults``, for what the model caused: what only this call's arguments are to blame for is a ToolError."""
    with _faults(doing):
        try:
            yield
        except e2b.FileNotFoundException:
            raise ToolError(f"Could not {doing}: there is no such file.") from None
        except e2b.NotEnoughSpaceException:
            raise SandboxFull(Failure(Service.E2B, doing, _FULL, code=FULL)) from None
        except e2b.SandboxException as e:
            if type(e) is e2b.TimeoutException:
                raise ToolError(f"Could not {doing} in time; what came of it is unknown.") from None
            if isinstance(e, e2b.InvalidArgumentException) or re.match(r"(409|500): ", str(e)):
                raise ToolError(f"Could not {doing}: {_find_reason(str(e))}.") from None
            raise


def _find_reason(words: str) -> str:
    """What the file system said, in words of ours: the model reads it, and a service may echo a key in its own."""
    return next((reason for reason in _REASONS if reason.lower() in words.lower()), "the sandbox refuses it")
