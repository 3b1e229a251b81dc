"""A sandbox that lies, floods or falls silent: typed errors and bounds, and nothing pushed that was not checked.

The model (or a template) can lie with the sandbox's own means: a start-up file of the shell, in which git is a
function. What no shell can do, the stand-in does in the sandbox's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from werkzeug.wrappers import Response

from standins.e2b import SandboxState
from standins.e2b.answers import Refused
from standins.e2b.envd import stream
from standins.e2b.processes import frame
from standins.openai import call, reply, say
from standins.runner import Job
from tests.hostile.attacks.checks import PATCH, bomb, calls, commit, nothing_pushed, sh
from tests.hostile.canaries import CANARIES
from tests.hostile.scene import Attack, By, Outcome, Scene

SCRIPTS = "/home/user/.ai-dev/.bash_profile"
"""The start-up file of the shell that runs our scripts."""
REPOSITORY = "/home/user/repository"
COMMANDS = "/home/user/.bash_profile"
"""The start-up file of the shell that runs the model's commands."""
README = call("read_file", path="README.md")


def lie(body: str, file: str = SCRIPTS) -> dict[str, Any]:
    """A command after which every shell starts with this."""
    return sh(f"cat >{file} <<'END'\n{body}\nEND")


def lying(name: str, tries: str, body: str, *then: dict[str, Any], status: str | tuple[str, ...] = "failed") -> Attack:
    """The calculator is mended, the lie told, the change committed: nothing is pushed."""
    return Attack(name, By.SANDBOX, tries, calls(PATCH, lie(body), *(then or [commit()])), status, nothing_pushed)


def git(case: str, answer: str) -> str:
    """A git that answers so to one of its commands, and truly to the others."""
    return f'git() {{ case "$*" in {case}) {answer};; *) command git "$@";; esac; }}'


def template(body: str, file: str = ".ai-dev/.bash_profile") -> Callable[[Scene], Job]:
    """The sandbox's image has this in a start-up file, before anything else runs in it."""

    def act(scene: Scene) -> Job:
        def write(sandbox: SandboxState) -> None:
            place = sandbox.home / file
            if not place.exists():
                place.parent.mkdir(exist_ok=True)
                place.write_text(body + "\n")

        scene.e2b.on_command("index-pack", write)
        scene.use(PATCH, commit())
        return scene.label(1)

    return act


def instead(pattern: str, make: Callable[[], Response], *wanted: dict[str, Any]) -> Callable[[Scene], Job]:
    """To commands that match, envd answers so."""

    def act(scene: Scene) -> Job:
        def answer(_: SandboxState) -> None:
            raise Refused(make())

        scene.e2b.on_command(pattern, answer)
        scene.use(*(wanted or [PATCH, sh("echo 4711"), commit()]))
        return scene.label(1)

    return act


def envd(method: str, path: str, *wanted: dict[str, Any], **fault: Any) -> Callable[[Scene], Job]:
    """Requests of this kind to E2B fail so from the model's first turn on."""

    def act(scene: Scene) -> Job:
        def begin(_: dict[str, Any]) -> Any:
            scene.e2b.fail(method, path, **{"times": None, **fault})
            return reply(*(wanted or [PATCH, commit()]))

        scene.play(begin, reply(say("Done.")))
        return scene.label(1)

    return act


def created(**fault: Any) -> Callable[[Scene], Job]:
    """E2B answers so when a sandbox is asked for."""

    def act(scene: Scene) -> Job:
        scene.e2b.fail("POST", "^/v2/sandboxes$", **{"times": None, **fault})
        scene.play(reply(say("Done.")))
        return scene.label(1)

    return act


def flood() -> Response:
    """Output for ever."""

    def frames() -> Iterator[bytes]:
        yield frame({"event": {"start": {"pid": 1}}})
        while True:
            yield frame({"event": {"data": {"stdout": "A" * (256 << 10)}}})

    return stream(frames())


def cut_off() -> Response:
    """A stream that ends before the command does."""
    return stream([frame({"event": {"start": {"pid": 1}}})])


def page() -> Response:
    """Something that is no stream."""
    return Response("<html>::error::x</html>", 200, content_type="text/html")


def junk() -> Response:
    """A stream whose frames are no JSON."""
    return stream([b"\0\0\0\0\x04{{{{"])


def odd() -> Response:
    """A command that ends in a way that there is none."""
    end = {
        "event": {
            "end": {"exitCode": 2**31 - 1, "exited": True, "status": "::error::x", "error": CANARIES["e2b-api-key"]}
        }
    }
    return stream([frame({"event": {"start": {"pid": -1}}}), frame(end), frame({}, flags=2)])


def names_are_lines(outcome: Outcome) -> None:
    """A name in a listing is one line, and shows no control character."""
    assert "\n::error::x" not in outcome.told
    assert "\x1b" not in outcome.told


KEYED = f"Bad key {CANARIES['e2b-api-key']}\n::add-path::/x"
ATTACKS = (
    lying("A change that is hidden is not pushed", "lists no file where one has changed", git("*diff-index*", ":"),
          status="unchanged"),
    lying("A list with other contents is not believed", "gives the README's contents for the calculator's",
          git("'cat-file --batch'", "read a; command git cat-file --batch <<<HEAD:README.md")),
    lying("A file that is hidden in the tree is not pushed", "adds a workflow to the tree, and lists the calculator only",
          f"mkdir -p {REPOSITORY}/.github/workflows && echo on: push >{REPOSITORY}/.github/workflows/x.yml\n"
          + git("*diff-index*", 'command git "$@" -- calculator.py')),
    lying("Ids are ids", "names a tree that is none", git("write-tree", "echo main")),
    lying("A tree of a megabyte is none", "names a tree of 3 MB", git("write-tree", "head -c 3000000 /dev/zero | tr '\\0' a")),
    lying("Sizes are counted here", "says that 20 MB are 10 bytes",
          f"test -s {REPOSITORY}/big || head -c 20000000 /dev/urandom >{REPOSITORY}/big\n"
          + git("*--batch-check*", "command git \"$@\" | sed 's/[0-9]*$/10/'")),
    lying("Numbers without end are none", "gives sizes of 5,000 digits",
          git("*--batch-check*", "command git \"$@\" | sed \"s/[0-9]*$/$(printf '9%.0s' {1..5000})/\"")),
    lying("A list is a list", "lists paths outside, twice, with odd modes", git("*diff-index*",
          "printf ':100644 100644 %040d %040d M\\0../../etc/x\\0:1 9 x y Z\\0' 1 2")),
    lying("Objects that are not there are told", "has none of the contents", git("'cat-file --batch-check'*", "cat >/dev/null")),
    lying("Contents that are cut are none", "sends half of each object", git("'cat-file --batch'", "command git cat-file --batch | head -c 60")),
    lying("A git that fails is told", "fails with hostile words", "git() { printf '::error::x\\033[2J\\r##[x]' >&2; return 7; }"),
    lying("A mark that is swallowed is missed", "prints nothing of what our scripts print", "exec >/dev/null"),
    lying("A shell that ends at once is told", "ends every shell with 0", "exit 0"),
    lying("A shell that prints for ever is ended", "prints for ever before every script", "cat /dev/zero"),
    Attack(
        "A claim of an exit code does no harm", By.SANDBOX, "claims exit codes, sizes and files of its own",
        calls(lie("printf() { case $1 in *%s*) builtin printf '\\n%s %s %s %s\\n' $2 0 99999999 /proc/self/environ >&2;; esac; }",
                  COMMANDS), sh("false"), sh("true")), "answered",
    ),
    Attack(
        "A size of 5,000 digits is no size", By.SANDBOX, "claims that a command printed so much",
        calls(lie("printf() { builtin printf '\\n%s 0 %s x\\n' $2 $(builtin printf '9%.0s' {1..5000}) >&2; }", COMMANDS), sh("true")),
        "answered",
    ),
    Attack(
        "A count of 5,000 digits is no count", By.SANDBOX, "claims that a file has so many bytes and lines",
        calls(lie("stat() { printf '9%.0s' {1..5000}; echo; }; wc() { printf '9%.0s' {1..5000}; echo; }"), README), "failed",
    ),
    Attack(
        "A file's text is not the tool's own words", By.SANDBOX, "answers a reading with hostile text",
        calls(lie("sed() { printf '::error::x\\n\\033[2J\\r##[add-path]y\\n'; }"), README, call("list_files", path=".")), "answered",
        names_are_lines,
    ),
    Attack(
        "Names in listings are one line each", By.SANDBOX, "has files named like commands, escapes and bytes",
        calls(sh("touch $'a\\n::error::x' $'\\033[2Jb' $'c\\xff' $'d\\u202e' -- -rf; mkdir $'e\\n'; ln -s $'f\\n::error::x' l"),
              call("list_files", path="."), call("read_file", path="-rf")), "opened", names_are_lines,
    ),
    Attack(
        "A template's base64 is checked", By.SANDBOX, "sends a configuration that is no base64", template("base64() { echo A; }"),
        "failed", nothing_pushed,
    ),
    Attack(
        "A template's configuration is bounded", By.SANDBOX, "sends a configuration of 3 MB",
        template("base64() { command head -c 3000000 /dev/zero | command base64 -w0; }"), "failed", nothing_pushed,
    ),
    Attack(
        "A template that names another tree is found out", By.SANDBOX, "names another tree as the start",
        template(git("rev-parse*", "printf '%040d\\n' 7")), "failed", nothing_pushed,
    ),
    Attack(
        "A template's flood is ended", By.SANDBOX, "prints for ever while it is set up", template("cat /dev/zero"), "failed", nothing_pushed,
    ),
    Attack(
        "A template with a key in it is refused", By.SANDBOX, "has the OpenAI key in its environment, reversed",
        template(f"export X={CANARIES['openai-api-key'][::-1]}", ".bash_profile"), "failed", nothing_pushed,
    ),
    Attack("A stream of output is ended", By.SANDBOX, "streams output for ever", instead("4711", flood), ("opened", "failed")),
    Attack("A stream that ends early is told", By.SANDBOX, "ends the stream before the command", instead("4711", cut_off), ("opened", "failed")),
    Attack("A page is no stream", By.SANDBOX, "answers a command with HTML", instead("4711", page), ("opened", "failed")),
    Attack("Junk is no stream", By.SANDBOX, "answers a command with junk", instead("4711", junk), ("opened", "failed")),
    Attack("An odd ending is told", By.SANDBOX, "ends a command with the key as its error", instead("4711", odd), ("opened", "failed")),
    Attack(
        "A commit is not read from a flood", By.SANDBOX, "streams output for ever when the change is asked for",
        instead("diff-index", flood), "failed", nothing_pushed,
    ),
    Attack(
        "A set-up that is cut off ends the run", By.SANDBOX, "ends the stream while it is set up", instead("index-pack", cut_off),
        "failed", nothing_pushed,
    ),
    Attack(
        "A probe that is not answered ends the run", By.SANDBOX, "answers the probe with nothing",
        instead("GIT_CONFIG|credential|/proc/", cut_off), "failed", nothing_pushed,
    ),
    Attack(
        "Files without end are cut", By.SANDBOX, "sends 64 MB where objects are read",
        envd("GET", "^/files", status=200, body=b"x" * (64 << 20)), "unchanged", nothing_pushed,
    ),
    Attack(
        "A packed file without end is cut", By.SANDBOX, "sends 200 MB as 200 kB of gzip",
        envd("GET", "^/files", status=200, body=bomb(200), headers={"Content-Encoding": "gzip"}),
        "unchanged", nothing_pushed,
    ),
    Attack(
        "A file that is cut is none", By.SANDBOX, "closes the connection in the middle of a file",
        envd("GET", "^/files", cut=20), "unchanged", nothing_pushed,
    ),
    Attack(
        "500 in the middle is no place for a key", By.E2B, "answers 500 with the key in its words from the first turn on",
        envd("", "^/(files|process)", status=500, body={"code": 500, "message": KEYED}), ("failed", "stopped"), nothing_pushed,
    ),
    Attack(
        "502 in the middle is the sandbox's end", By.E2B, "answers 502 from the first turn on",
        envd("", "^/(files|process)", status=502, body={"message": KEYED}), "failed", nothing_pushed,
    ),
    Attack(
        "429 in the middle is told", By.E2B, "answers 429 from the first turn on",
        envd("", "^/(files|process)", status=429, body={"message": KEYED}, headers={"Retry-After": "0"}), "failed", nothing_pushed,
    ),
    Attack(
        "Another key for a sandbox is no key of ours", By.E2B, "answers 401 with the key in its words",
        envd("", "^/(files|process)", status=401, body={"message": KEYED}), "failed", nothing_pushed,
    ),
    Attack("A limit is told without the key", By.E2B, "answers 429 to the creation", created(status=429, body={"message": KEYED}), "failed"),
    Attack("A page is no sandbox", By.E2B, "answers HTML to the creation", created(status=201, body="<html>" + KEYED), "failed"),
    Attack("An empty answer is no sandbox", By.E2B, "answers {} to the creation", created(status=201, body={}), "failed"),
    Attack(
        "A sandbox's name is text", By.E2B, "names the sandbox after a workflow command",
        created(status=201, body={"templateID": "base", "sandboxID": "x\n::add-path::/x", "clientID": "c", "envdVersion": "0.6.13",
                                  "envdAccessToken": "t"}), "failed",
    ),
    Attack(
        "E2B's redirect takes the key nowhere", By.E2B, "answers 307 to another port",
        created(status=307, headers={"Location": "http://127.0.0.1:9/v2/sandboxes"}), "failed",
    ),
)  # fmt: skip
