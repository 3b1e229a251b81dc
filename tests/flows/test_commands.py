"""Commands and code that the model runs: what it is told, and what the log shows while they run."""

from __future__ import annotations

import re
import threading
import time

import pytest

from standins.openai import call, reply, say
from tests.flows.tools import SILENT, ask, expected, sh, use


def code(language, text, seconds=None):
    """A call of run_code."""
    return call("run_code", language=language, code=text, timeout_seconds=seconds)


def test_run_command(stage, act):
    """A command's exit code and its output, both streams in order, are the answer; silence is said in words."""
    cases = {
        "output and errors": (sh("echo a; echo b >&2; echo c"), "Exit code 0 after N s. Output:\n\na\nb\nc\n"),
        "no output": (sh("true"), SILENT),
        "nothing to run": (sh(""), SILENT),
        "failure": (sh("echo bad; exit 3"), "Exit code 3 after N s. Output:\n\nbad\n"),
        "silent failure": (sh("exit 255"), "Exit code 255 after N s. It printed nothing."),
        "unknown": (sh("nonsense"), "Exit code 127 after N s. Output:\n\nbash: line 1: nonsense: command not found\n"),
        "syntax error": (
            sh("if"),
            "Exit code 2 after N s. Output:\n\nbash: -c: line 2: syntax error: unexpected end of file\n",
        ),
        "quotes and lines": (sh("echo \"it's\" '$HOME' \\\\\ncat <<'E'\n%s \\n\nE"), "Exit code 0 after N s. Output:\n\nit's $HOME \\\n%s \\n\n"),
        "no standard input": (sh("cat; read line || echo none"), "Exit code 0 after N s. Output:\n\nnone\n"),
        "no terminal": (sh("test -t 1 || echo none; echo $PAGER $CI"), "Exit code 0 after N s. Output:\n\nnone\ncat 1\n"),
        "root by default": (sh("pwd"), "Exit code 0 after N s. Output:\n\n/home/user/repository\n"),
        "another folder": (sh("pwd", workdir="sub dir"), "Exit code 0 after N s. Output:\n\n/home/user/repository/sub dir\n"),
        "a folder outside": (sh("pwd", workdir="/"), "Exit code 0 after N s. Output:\n\n/\n"),
        "a missing folder": (
            sh("pwd", workdir="src"),
            "Error: The command could not be run: /bin/bash: line 1: cd: /home/user/repository/src: No such file or directory",
        ),
        "a file for a folder": (
            sh("pwd", workdir="README.md"),
            "Error: The command could not be run: /bin/bash: line 1: cd: /home/user/repository/README.md: Not a directory",
        ),
        "killed by itself": (
            sh("kill -KILL $$"),
            "Killed after N s (exit code 137): most likely out of memory. It printed nothing.",
        ),
        "binary output": (sh(r"printf 'a\0b\377\033[1mc\033[0m\r\nd\re'"), "Exit code 0 after N s. Output:\n\nab\ufffdc\nd\ne"),
        "NUL": (sh("echo a\0b"), "Error: The command has a NUL character."),
        "too long": (
            sh(f": {'x' * 60_000}"),
            "Error: The command has more than 60,000 bytes: write a script to a file, run that.",
        ),
        "nearly too long": (sh(f": {'x' * 59_990}"), SILENT),
        "nearly too long, all quotes": (sh(f": {chr(34) * 2 * 9_000} {chr(92) + chr(39)}"), SILENT),
        "no variables of the run's": (sh("env | grep -ci 'token\\|secret\\|api_key\\|github'"), "Exit code 1 after N s. Output:\n\n0\n"),
    }  # fmt: skip
    used = use(stage, act, sh("mkdir 'sub dir'"), *(asked for asked, _ in cases.values()))

    assert expected(cases) == dict(zip(cases, used.answers[1:], strict=True))


def test_quotes_alone(stage, act):
    """A command within the limit that grows when it is quoted is run, or refused for its length, never a fault of ours."""
    used = use(stage, act, sh("echo " + "\\'" * 29_000))

    assert used.answer.startswith(f"Exit code 0 after N s. Output:\n\n{chr(39) * 19_000}")


def test_output_streams_to_the_log(stage, act):
    """What a command prints is in the log while it still runs."""
    stage.openai.play(reply(sh("echo begun; until test -e go; do sleep 0.02; done; echo over")), reply(say("Done.")))
    job = stage.label(1)
    step = threading.Thread(target=lambda: results.append(act(job)))
    results: list = []
    step.start()
    log = job.directory / "step-0" / "log"
    deadline = time.monotonic() + 30
    while "│ begun\n" not in (log.read_text() if log.exists() else "") and time.monotonic() < deadline:
        step.join(0.02)
    before = log.read_text()
    (sandbox,) = stage.e2b.sandboxes.values()
    (sandbox.home / "repository" / "go").touch()
    step.join(30)

    assert "│ begun\n" in before
    assert "│ over" not in before
    assert "│ begun\n│ over\n" in results[0].log


def test_output_is_inert_in_the_log(stage, act):
    """Nothing that a command prints, nor how it is called, is a workflow command to the runner."""
    used = use(
        stage,
        act,
        sh(
            r"""printf '::error::a\n  ::add-mask::b\nx\r::set-output name=c::d\n##[error]e\nf ##[add-mask]g\n'
            printf '\342\200\250::warning::h\n\302\205::notice::i\n\033[0m::debug::j\n\007::error::k\n::stop-commands::l'
            # ::error::m"""
        ),
        sh("##[error]n\n::error::o"),
        call("read_file", path="::error::p\n::error::q"),
        call("::error::r\n##[group]s", x=1),
    )

    ours = ("::add-mask::", "::group::", "::endgroup::", "::notice::answered")
    lines = re.split(r"[\n\r\x85\u2028\u2029]", used.result.log)
    assert [] == [line for line in lines if line.strip().startswith("::") and not line.startswith(ours)]
    assert 3 == sum(line.startswith("::add-mask::") for line in lines)
    assert [] == [line for line in lines if re.search(r"##\[", line)]
    assert "│ ::error::a\n│   ::add-mask::b\n│ x\n│ ::set-output name=c::d\n│ # #[error]e\n" in used.result.log
    stage.openai.problems.clear()  # a tool's name that the API would not take back is not sent back as it came


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        pytest.param("echo partial; sleep 60 & sleep 60", 124, id="ends when asked to"),
        pytest.param("trap '' TERM; echo partial; sleep 60 & while :; do sleep 0.1; done", 137, id="has to be killed"),
    ],
)
def test_timeout(stage, act, command, exit_code):
    """A command that takes too long ends with its whole process group, and what it printed is kept."""
    used = use(stage, act, sh(command, timeout_seconds=1), sh("pgrep -x sleep"))

    assert [
        f"Ended after 1 s, because that was the time limit (exit code {exit_code}). Output:\n\npartial\n",
        "Exit code 1 after N s. It printed nothing.",
    ] == used.answers


def test_background_child(stage, act):
    """A child in the background that holds the output neither hangs the call nor ends with it."""
    began = time.monotonic()
    used = use(stage, act, sh("sleep 60 & echo $! >/tmp/pid; echo started"), sh("kill $(cat /tmp/pid) && echo alive"))

    assert ["Exit code 0 after N s. Output:\n\nstarted\n", "Exit code 0 after N s. Output:\n\nalive\n"] == used.answers
    assert time.monotonic() - began < 30


def test_huge_output(stage, act):
    """Of 50 MB the model gets the start, the end and the place of the whole, and the log no more than that."""
    file = r"/home/user/\.ai-dev/output/\w+\.txt"
    used = use(stage, act, sh("yes 0123456789abcdef | head -c 50000000; echo the end"))

    (answer,) = used.answers
    assert answer.startswith("Exit code 0 after N s. Output:\n\n0123456789abcdef\n")
    assert answer.endswith("\n0123456789abcdef\n01234567the end\n")
    (note,) = re.findall(rf"\n\n\[… ([\d,]+) bytes left out; all of it is in ({file}) …]\n\n", answer)
    assert "49,961,008" == note[0]
    assert 39_000 < len(answer.encode()) <= 40_000
    assert len(used.result.log) < 100_000


def test_whole_output_is_kept(stage, act):
    """The file named in a shortened answer holds all that was printed, also where it is binary."""
    sizes = []

    def look(body):
        files = re.findall(r"all of it is in (\S+) …", str(body["input"]))
        return reply(sh("wc -c < " + files[0]), sh("wc -c < " + files[1]))

    def keep(body):
        sizes.extend(item["output"].split()[-1] for item in body["input"][-2:])
        assert all(len(item["output"].encode()) <= 40_000 for item in body["input"] if "output" in item)
        return reply(say("Done."))

    stage.openai.play(
        reply(sh("head -c 39000 /dev/zero | tr '\\0' '\\377'"), sh("head -c 90000 /dev/zero | tr '\\0' '\\377'")),
        look,
        keep,
    )
    act(stage.label(1))

    assert ["39000", "90000"] == sizes


def test_run_code(stage, act):
    """Code in each language runs in the repository's root, is kept outside it, and its failure is told."""
    cases = {
        "python": (code("python", "import os\nprint(os.getcwd(), 'é\"')"), 'Exit code 0 after N s. Output:\n\n/home/user/repository é"\n'),
        "javascript": (code("javascript", "console.log(process.cwd(), `é'`)"), "Exit code 0 after N s. Output:\n\n/home/user/repository é'\n"),
        "bash": (code("bash", "pwd; cat <<E\né\nE\nexit 4"), "Exit code 4 after N s. Output:\n\n/home/user/repository\né\n"),
        "longer than a command may be": (code("python", f"x = '{'y' * 200_000}'\nprint(len(x))"), "Exit code 0 after N s. Output:\n\n200000\n"),
        "nothing": (code("python", ""), SILENT),
        "too long": (
            code("python", "import time\nprint('begun', flush=True)\ntime.sleep(60)", 1),
            "Ended after 1 s, because that was the time limit (exit code 124). Output:\n\nbegun\n",
        ),
        "another language": (
            code("ruby", "puts 1"),
            "The arguments of run_code cannot be read. language: Input should be 'python', 'javascript' or 'bash'",
        ),
        "the repository is clean": (sh("git status --short"), SILENT),
    }  # fmt: skip
    assert expected(cases) == ask(stage, act, cases)


def test_code_that_fails(stage, act):
    """A script's own error is the answer, with the place in the script."""
    used = use(stage, act, code("python", "x = 1\nraise ValueError('no')"), code("javascript", "throw new Error('no')"))

    python, javascript = used.answers
    assert python.startswith("Exit code 1 after N s. Output:\n\nTraceback (most recent call last):")
    assert "line 2, in <module>" in python
    assert javascript.startswith("Exit code 1 after N s. Output:")
    assert "Error: no" in javascript


GONE = "/home/user/repository: No such file or directory"
DENIED = "/home/user/repository: Permission denied"


@pytest.mark.parametrize(
    ("trick", "answers", "status"),
    [
        pytest.param("rm -rf /home/user/repository", [GONE, GONE, GONE, "is gone.", "call commit first."], "failed", id="no repository"),
        pytest.param("chmod 0 /home/user/repository", [DENIED, DENIED, DENIED, "is gone.", "call commit first."], "failed", id="a repository nobody may enter"),
        pytest.param("echo exit 0 >>/home/user/.bash_profile", ["README.md", "Done:", "the shell ended before it", "Committed and pushed", "is open"], "opened", id="no login shell"),
        pytest.param("echo 'echo hello; echo hello >&2' >>/home/user/.bash_profile", ["README.md", "Done:", "hello\na\n", "Committed and pushed", "is open"], "opened", id="a login shell that talks"),
        pytest.param("rm -rf /home/user/.ai-dev", ["README.md", "Done:", "a\n", "not a git repository", "call commit first."], "failed", id="no folder of ours"),
    ],
)  # fmt: skip
def test_broken_sandbox(stage, act, trick, answers, status):
    """However a model breaks its sandbox, every tool still answers, and what can be delivered is."""
    used = use(
        stage,
        act,
        sh(trick),
        call("list_files", path=".", depth=1),
        call("apply_patch", patch="*** Begin Patch\n*** Add File: a\n+b\n*** Add File: c\n+d\n*** End Patch"),
        sh("echo a"),
        call("commit", message="Change"),
        call("make_pull_request", title="Change", body="It."),
    )

    assert answers == [wanted for wanted, answer in zip(answers, used.answers[1:], strict=True) if wanted in answer]
    assert (status, int(status == "failed")) == (used.result.outputs["status"], used.result.exit_code)
