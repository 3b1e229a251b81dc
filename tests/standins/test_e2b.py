"""The E2B stand-in, driven by the real e2b package."""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import e2b
import httpx
import pytest
from e2b import CommandExitException, Sandbox, SandboxQuery

from standins.e2b import E2B, isolation

namespaces = pytest.mark.skipif(isolation() != "namespaces", reason="this kernel refuses namespaces")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[E2B]:
    with E2B(tmp_path / "e2b") as service:
        yield service
    assert service.problems == []


def options(service: E2B, **more: Any) -> dict[str, Any]:
    address = {"api_key": "e2b_key", "api_url": service.url, "sandbox_url": service.url, "debug": False}
    return {**address, "retries": 0, **more}


def create(service: E2B, **more: Any) -> Sandbox:
    return Sandbox.create(**options(service, timeout=60, **more))


@pytest.fixture
def sandbox(service: E2B) -> Sandbox:
    return create(service)


def test_a_file_is_written_worked_on_and_read_back(sandbox: Sandbox, service: E2B) -> None:
    """Files and commands see the same paths, and the test sees the home from outside."""
    sandbox.files.write(f"{service.home}/deep/er/a.txt", "one\n")
    sandbox.commands.run("echo two >> a.txt", cwd=f"{service.home}/deep/er")
    assert sandbox.files.read(f"{service.home}/deep/er/a.txt") == "one\ntwo\n"
    assert bytes(sandbox.files.read(f"{service.home}/deep/er/a.txt", format="bytes")) == b"one\ntwo\n"
    assert b"".join(sandbox.files.read("deep/er/a.txt", format="stream")) == b"one\ntwo\n"
    assert (service.sandboxes[sandbox.sandbox_id].home / "deep/er/a.txt").read_text() == "one\ntwo\n"


def test_output_arrives_while_the_command_runs(sandbox: Sandbox) -> None:
    """The command waits for a file that is written only when its first line has been seen."""
    heard = []

    def listen(text: str) -> None:
        heard.append(text)
        if "ready" in text:
            sandbox.files.write("go", "")

    command = "echo ready; until [ -e go ]; do sleep 0.01; done; echo done; echo oops >&2; exit 3"
    with pytest.raises(CommandExitException) as e:
        sandbox.commands.run(command, on_stdout=listen, timeout=10)
    assert (e.value.exit_code, e.value.stdout, e.value.stderr) == (3, "ready\ndone\n", "oops\n")
    assert heard == ["ready\n", "done\n"]


def test_the_environment_is_what_was_given(service: E2B, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this process's environment reaches a command."""
    monkeypatch.setenv("LEAK", "secret")
    sandbox = create(service, envs={"OF_SANDBOX": "1", "BOTH": "1"})
    shown = sandbox.commands.run("env", envs={"OF_COMMAND": "2", "BOTH": "2"}).stdout
    names = dict(line.split("=", 1) for line in shown.splitlines())
    assert {"OF_SANDBOX": "1", "OF_COMMAND": "2", "BOTH": "2", "USER": "user"}.items() <= names.items()
    assert "LEAK" not in names


def test_a_deadline_kills_the_leader_only(sandbox: Sandbox) -> None:
    """Children live on after the timeout, as in a real sandbox, and what was heard before is known."""
    heard: list[str] = []
    with pytest.raises(e2b.TimeoutException):
        sandbox.commands.run("echo partial; sleep 77 & wait", timeout=1, on_stdout=heard.append)
    assert heard == ["partial\n"]
    sandbox.commands.run("while ps -eo args | grep -q '[p]artial'; do sleep 0.05; done")
    assert sandbox.commands.run("ps -eo args | grep -c '[s]leep 77'").stdout == "1\n"


def test_the_end_waits_for_both_pipes(sandbox: Sandbox) -> None:
    """A background child that holds standard output delays the end event."""
    begin = time.monotonic()
    assert sandbox.commands.run("(sleep 0.4; echo later) & echo now").stdout == "now\nlater\n"
    assert time.monotonic() - begin >= 0.4


@pytest.mark.parametrize(
    ("command", "code", "output"),
    [
        ("echo fine; exit 4", 4, "fine\n"),
        ("echo part; sleep 60", 124, "part\n"),
        ("sleep 60 & echo started", 0, "started\n"),
    ],
)
def test_the_wrapper_for_timeouts(sandbox: Sandbox, command: str, code: int, output: str) -> None:
    """The product's line gives the exit code, the partial output, and does not wait for background children."""
    line = (
        f"f=$(mktemp); setsid timeout -k 5 0.5 bash -c '{command}' >\"$f\" 2>&1 </dev/null & p=$!; "
        'tail -s 0.05 -n +1 -f --pid=$p "$f" | stdbuf -o0 head -c 1000; wait $p; echo "$? $f" >&2'
    )
    result = sandbox.commands.run(line, timeout=10)
    assert output == result.stdout
    assert str(code) == result.stderr.split()[-2]
    assert output == sandbox.commands.run(f"cat {result.stderr.split()[-1]}").stdout


def test_a_signal_is_told_as_envd_tells_it(sandbox: Sandbox) -> None:
    """Killed by a signal: exit code -1 and its name."""
    with pytest.raises(CommandExitException) as e:
        sandbox.commands.run("kill -9 $$")
    assert (e.value.exit_code, e.value.error) == (-1, "signal: killed")


def test_a_background_command_is_listed_fed_joined_and_killed(sandbox: Sandbox) -> None:
    """Standard input, a second listener, the list and the kill all find the process by its number."""
    command = sandbox.commands.run("cat", background=True, stdin=True)
    assert [(command.pid, "/bin/bash", ["-l", "-c", "cat"])] == [
        (p.pid, p.cmd, p.args) for p in sandbox.commands.list()
    ]
    second = sandbox.commands.connect(command.pid)
    sandbox.commands.send_stdin(command.pid, "hello\n")
    assert next(iter(second)) == ("hello\n", None, None)
    sandbox.commands.close_stdin(command.pid)
    assert command.wait().stdout == "hello\n"
    assert sandbox.commands.kill(command.pid) is False
    other = sandbox.commands.run("sleep 60", background=True)
    assert other.kill()
    with pytest.raises(CommandExitException):
        other.wait()


def test_an_argument_over_128_kib_is_refused(sandbox: Sandbox) -> None:
    """Large text has to go through a file."""
    sandbox.commands.run(": " + "x" * 131_000)
    with pytest.raises(e2b.InvalidArgumentException, match="argument list too long"):
        sandbox.commands.run(": " + "x" * 131_072)


def test_a_directory_that_is_not_there_is_refused(sandbox: Sandbox) -> None:
    """A command does not start in a directory that does not exist."""
    with pytest.raises(e2b.InvalidArgumentException, match="does not exist"):
        sandbox.commands.run("true", cwd="none")


def test_fifty_megabytes_of_output_arrive_whole(sandbox: Sandbox) -> None:
    """Output is not lost when it is faster than its reader."""
    size = 0

    def count(text: str) -> None:
        nonlocal size
        size += len(text)

    sandbox.commands.run("head -c 50000000 /dev/zero | tr '\\0' x", on_stdout=count, retain_output=False)
    assert size == 50_000_000


def test_the_file_calls(sandbox: Sandbox, service: E2B) -> None:
    """List, information, make, rename and remove, with links shown and followed."""
    home, files = service.home, sandbox.files
    assert files.make_dir(f"{home}/d/e")
    assert files.make_dir(f"{home}/d/e") is False
    files.write(f"{home}/d/e/big", b"\xff" * 5000)
    sandbox.commands.run("ln -s d/e link; ln -s nowhere dangling; touch \"$(printf 'bad\\377')\"")
    names = {(f.name, f.type.value if f.type else None, f.size) for f in files.list(f"{home}/d", depth=2)}
    assert {("e", "dir"), ("big", "file")} == {n[:2] for n in names}
    assert files.get_info(f"{home}/d/e/big").size == 5000
    link = files.get_info(f"{home}/link")
    assert (link.type.value if link.type else "", link.symlink_target, link.owner) == ("symlink", "d/e", "user")
    files.write(f"{home}/link/through", "x")
    assert files.exists(f"{home}/d/e/through")
    files.rename(f"{home}/d/e/big", f"{home}/new/place/big")
    assert "place" in {f.name for f in files.list(f"{home}/new")}
    assert {"d", "link", "new", "bad\ufffd"} <= {f.name for f in files.list(home)}
    files.remove(f"{home}/d")
    assert not files.exists(f"{home}/d")


def test_missing_files_are_told_by_type(sandbox: Sandbox, service: E2B) -> None:
    """Every way to ask for what is not there raises the same kind."""
    missing = f"{service.home}/missing"
    for call in (
        lambda: sandbox.files.read(missing),
        lambda: sandbox.files.list(missing),
        lambda: sandbox.files.get_info(missing),
        lambda: sandbox.files.rename(missing, f"{missing}2"),
        lambda: list(sandbox.files.read(missing, format="stream")),
    ):
        with pytest.raises(e2b.FileNotFoundException):
            call()
    with pytest.raises(e2b.InvalidArgumentException):
        sandbox.files.read(service.home)


class Zeros(io.RawIOBase):
    """So many bytes that nobody holds."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        size = min(self.left, size if size >= 0 else self.left)
        self.left -= size
        return bytes(size)


def test_a_hundred_megabytes_stream_both_ways(sandbox: Sandbox, service: E2B) -> None:
    """Large files pass through in blocks; compressed ones are unpacked."""
    sandbox.files.write(f"{service.home}/large", Zeros(100_000_000))
    assert sandbox.commands.run("stat -c %s large").stdout == "100000000\n"
    assert sum(len(b) for b in sandbox.files.read(f"{service.home}/large", format="stream")) == 100_000_000
    sandbox.files.write(f"{service.home}/zipped", "text" * 10_000, gzip=True)
    assert sandbox.files.read(f"{service.home}/zipped") == "text" * 10_000


def test_twenty_commands_run_at_once(sandbox: Sandbox) -> None:
    """Each waits until all have come."""
    wait = "touch here.$I; until [ $(ls here.* | wc -l) = 20 ]; do sleep 0.02; done; echo $I"
    with ThreadPoolExecutor(20) as pool:
        results = pool.map(lambda i: sandbox.commands.run(wait, envs={"I": str(i)}, timeout=20).stdout, range(20))
        assert [f"{i}\n" for i in range(20)] == list(results)


@namespaces
def test_sandboxes_do_not_see_each_other_or_this_machine(service: E2B, tmp_path: Path) -> None:
    """/home/user, /tmp and the processes are a sandbox's own; the rest is read-only."""
    one, two = create(service), create(service)
    one.commands.run("touch /tmp/mine /home/user/mine")
    one.commands.run("sleep 55", background=True)
    assert two.commands.run("ls -A /tmp /home/user | grep mine; ps -eo args | grep '[s]leep 55'; true").stdout == ""
    assert one.files.exists("/tmp/mine")
    assert not two.files.exists("/tmp/mine")
    with pytest.raises(CommandExitException, match="Read-only"):
        one.commands.run("touch /etc/mine")
    with pytest.raises(CommandExitException):
        one.commands.run(f"ls {tmp_path}")
    assert one.commands.run("whoami").stdout == "user\n"


@namespaces
def test_a_closed_network_reaches_nothing_but_itself(service: E2B) -> None:
    """The policy decides for each new command whether this machine can be reached."""
    port = service.url.rsplit(":", 1)[1]
    reach = f"exec 3<>/dev/tcp/127.0.0.1/{port}"
    sandbox = create(service, allow_internet_access=False)
    with pytest.raises(CommandExitException, match="Connection refused"):
        sandbox.commands.run(reach)
    sandbox.update_network({"allow_internet_access": True})
    sandbox.commands.run(reach)
    sandbox.update_network({"deny_out": ["0.0.0.0/0"]})
    with pytest.raises(CommandExitException):
        sandbox.commands.run(reach)
    assert service.sandboxes[sandbox.sandbox_id].network == {"denyOut": ["0.0.0.0/0"]}
    serve = "import socket; s = socket.create_server(('127.0.0.1', 8765)); print('up', flush=True); s.accept()"
    server = sandbox.commands.run(f'/usr/bin/env python3 -c "{serve}"', background=True)
    next(iter(server))
    sandbox.commands.run("exec 3<>/dev/tcp/127.0.0.1/8765")


@namespaces
def test_a_machine_of_its_own(service: E2B) -> None:
    """Neither this machine's configuration of git nor its names are the sandbox's, which may write its own names."""
    sandbox = create(service)
    assert sandbox.commands.run("git config --system --list || true").stdout == ""
    sandbox.files.write("/etc/hosts", "192.0.2.7 x.example\n")
    assert sandbox.commands.run("cat /etc/hosts").stdout == "192.0.2.7 x.example\n"


@namespaces
def test_a_template_can_lack_commands(service: E2B) -> None:
    """Without git the shell says so; without bash nothing starts."""
    service.template_hides = {"no-git": {"git"}, "no-bash": {"bash"}}
    with pytest.raises(CommandExitException) as e:
        create(service, template="no-git").commands.run("git --version")
    assert e.value.exit_code == 127
    with pytest.raises(e2b.InvalidArgumentException, match="no such file or directory"):
        create(service, template="no-bash").commands.run("true")


def test_git_trusts_what_the_file_api_wrote(sandbox: Sandbox, service: E2B) -> None:
    """Files made from outside and by commands have one owner."""
    sandbox.files.make_dir(f"{service.home}/repository")
    sandbox.files.write(f"{service.home}/repository/a", "a")
    line = "git init -q . && git add -A && git status --porcelain"
    assert sandbox.commands.run(line, cwd=f"{service.home}/repository").stdout == "A  a\n"


def test_list_finds_by_metadata_in_pages(service: E2B) -> None:
    """A later step finds the strays of a run; the dead are not among them."""
    made = [create(service, metadata={"run-id": "7.1", "n": str(n)}) for n in range(3)]
    create(service, metadata={"run-id": "8"})
    made.pop().kill()
    pages = Sandbox.list(query=SandboxQuery(metadata={"run-id": "7.1"}), limit=1, **options(service))
    found = []
    while pages.has_next:
        found += pages.next_items()
    assert [s.sandbox_id for s in made] == [s.sandbox_id for s in found]
    assert found[0].metadata == {"run-id": "7.1", "n": "0"}


def test_one_idempotency_key_is_one_sandbox(service: E2B) -> None:
    """The answer is lost after the sandbox was made; asked again with the key, it is the same one."""
    service.fail("POST", "/v2/sandboxes$", status=503, after=True)
    made = Sandbox.create(idempotency_key="k", **options(service, retries=1))
    assert [made.sandbox_id] == list(service.sandboxes)


def test_a_sandbox_is_found_again_and_killed(service: E2B) -> None:
    """Another process connects by id; a kill is told once."""
    made = create(service)
    made.files.write("a", "a")
    again = Sandbox.connect(made.sandbox_id, **options(service))
    assert again.files.read("a") == "a"
    assert again.get_info().template_id == "base"
    assert again.kill()
    assert again.kill() is False
    state = service.sandboxes[made.sandbox_id]
    assert (state.alive, state.killed_by) == (False, "request")
    with pytest.raises(e2b.SandboxNotRunningException):
        made.commands.run("true")
    with pytest.raises(e2b.SandboxNotRunningException):
        made.files.read("a")
    with pytest.raises(e2b.SandboxNotFoundException):
        made.set_timeout(10)


def test_the_own_timeout_ends_a_sandbox(service: E2B) -> None:
    """A command in the middle of it learns that the sandbox is gone."""
    sandbox = create(service)
    command = sandbox.commands.run("sleep 60", background=True)
    sandbox.set_timeout(1)
    with pytest.raises(e2b.SandboxNotRunningException):
        command.wait()
    state = service.sandboxes[sandbox.sandbox_id]
    assert (state.killed_by, state.timeouts) == ("timeout", [60, 1])


def test_what_the_plan_and_the_team_do_not_have_is_refused(service: E2B) -> None:
    """A life too long, an unknown template, a wrong key."""
    service.max_timeout = 3600
    with pytest.raises(e2b.SandboxException, match="Timeout cannot be greater than 1 hours") as e:
        Sandbox.create(**options(service, timeout=3601))
    assert e.value.status_code == 400
    with pytest.raises(e2b.SandboxException, match="template 'x' not found") as e:
        create(service, template="x")
    assert e.value.status_code == 404
    with pytest.raises(e2b.AuthenticationException, match="Invalid API key"):
        create(service, api_key="wrong")


def test_faults_to_order_are_typed_by_the_sdk(service: E2B, sandbox: Sandbox) -> None:
    """Busy, too many, a stream that is dropped or cut."""
    service.fail("POST", "/v2/sandboxes$", status=429, body={"code": 429, "message": "slow down"})
    with pytest.raises(e2b.RateLimitException):
        create(service)
    service.fail("POST", "/v2/sandboxes$", status=503, body={"code": 503, "message": "busy"})
    with pytest.raises(e2b.ServiceBusyException):
        create(service)
    service.fail("POST", "/process.Process/Start", cut=60)
    with pytest.raises(e2b.SandboxUnreachableException):
        sandbox.commands.run("echo hello; sleep 0.1; echo world")
    service.fail("POST", "/process.Process/Start", drop=True)
    with pytest.raises(e2b.SandboxUnreachableException):
        sandbox.commands.run("echo hello")
    assert sandbox.commands.run("echo hello").stdout == "hello\n"


def test_a_sandbox_vanishes_in_the_middle(service: E2B) -> None:
    """Before the command starts, and while it runs."""
    sandbox = create(service)
    service.on_command("^make ", lambda state: service.vanish(state.id))
    running = sandbox.commands.run("echo up; sleep 60", background=True)
    with pytest.raises(e2b.SandboxNotRunningException):
        sandbox.commands.run("make x")
    with pytest.raises(e2b.SandboxNotRunningException):
        running.wait()
    assert service.sandboxes[sandbox.sandbox_id].killed_by == "fault"


def test_the_token_is_needed_and_the_key_is_not_wanted(tmp_path: Path) -> None:
    """A sandbox answers its own client only, and a key sent to it is a problem."""
    with E2B(tmp_path) as service:
        sandbox = create(service)
        headers = {"E2b-Sandbox-Id": sandbox.sandbox_id, "X-Access-Token": "wrong"}
        assert httpx.get(f"{service.url}/files?path=/x", headers=headers).status_code == 401
        assert httpx.get(f"{service.url}/health", headers=headers).status_code == 204
        assert service.problems == []
        httpx.get(f"{service.url}/health", headers={**headers, "X-API-KEY": "e2b_key"})
        assert service.problems == ["the API key was sent to a sandbox: GET /health"]


def running(command: str) -> bool:
    """Whether a process of this machine has this command line."""
    found = subprocess.run(["pgrep", "-f", f"^{command}"], check=False, stdout=subprocess.DEVNULL)
    return found.returncode == 0


@pytest.mark.parametrize("kind", [pytest.param("namespaces", marks=namespaces), "none"])
def test_nothing_is_left_after_close(tmp_path: Path, kind: str) -> None:
    """Every process is gone, whatever it did to hide, and no mount was made outside."""
    mounts = Path("/proc/self/mountinfo")
    before = mounts.read_text() if mounts.exists() else ""
    marker = f"31{os.getpid()}"
    with E2B(tmp_path) as service:
        service.isolation = kind
        sandbox = create(service)
        sandbox.commands.run(f"(setsid nohup sleep {marker} >/dev/null 2>&1 &) ; sleep {marker} &", background=True)
        sandbox.commands.run(f"until [ $(ps -eo args | grep -c '^sleep {marker}') = 2 ]; do sleep 0.01; done")
        assert running(f"sleep {marker}")
    assert not running(f"sleep {marker}")
    assert before == (mounts.read_text() if mounts.exists() else "")


def test_without_namespaces_the_home_is_relative(tmp_path: Path) -> None:
    """Where the kernel refuses, relative paths still mean one thing, and the machine's own files stay untouched."""
    with E2B(tmp_path) as service:
        service.isolation, service.home = "none", "."
        sandbox = create(service)
        sandbox.files.write(f"{service.home}/d/a", "a")
        assert sandbox.commands.run('cat "$HOME/d/a"', cwd=f"{service.home}/d").stdout == "a"
        assert f"{service.sandboxes[sandbox.sandbox_id].home.parents[1]}/tmp" in sandbox.commands.run("mktemp").stdout
        with pytest.raises(e2b.SandboxException, match="this machine's own"):
            sandbox.files.write("/home/user/a", "a")
