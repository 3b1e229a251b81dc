"""Shows the main job: the label arrives, the action runs, and what a user would then see on GitHub."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from subprocess import PIPE

from demo.model import SCRIPT
from standins.git import make_repository
from standins.runner import Result, spawn
from standins.stage import Stage

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUTPUT = ROOT / "build" / "demo"


def main() -> int:
    """Run the demo; 0 when the pull request is open."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    source = make_repository(OUTPUT / "source", read_tree(HERE / "repository"))
    with Stage(OUTPUT, source=source) as stage:
        if stage.e2b.isolation != "namespaces":
            print("This system gives ordinary users no namespaces, so the sandbox's commands run unconfined here.")
        issue = stage.repository.add_issue(
            "Exactly one hour is shown as 60m 00s", (HERE / "issue.md").read_text(encoding="utf-8"), user="octo"
        )
        stage.openai.play(*SCRIPT)
        say(f"@octo labels issue #{issue.number}, “{issue.title}”. The log of the run, as Actions shows it:")
        job = stage.label(issue.number)
        result = job.run(launch)
        job.run()
        show_issue(stage, issue.number)
        show_pull_request(stage)
        show_costs(stage, result)
        opened = result.outputs.get("status") == "opened" and not stage.problems
    return 0 if opened else 1


def launch(environ: Mapping[str, str], log: Path) -> tuple[int, int]:
    """Start the action and show its log while it runs; give exit code and peak memory in KiB."""
    with log.open("wb") as file:
        process = spawn(environ, PIPE)
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            if not line.startswith(b"::add-mask::"):
                sys.stdout.buffer.write(b"    " + line)
                sys.stdout.flush()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


def show_issue(stage: Stage, number: int) -> None:
    """Print the issue's thread."""
    issue = stage.repository.issues[number]
    reactions = " ".join(f"[{reaction.content}]" for reaction in issue.reactions)
    say(f"The thread of issue #{number} now:")
    quote(f"@{issue.user.login}: {issue.title}  {reactions}\n\n{issue.body}")
    for comment in issue.comments:
        quote(f"@{comment.user.login}:\n{comment.body}")


def show_pull_request(stage: Stage) -> None:
    """Print the pull request and its diff, read from the repository behind the stand-in."""
    for pull in stage.repository.pulls.values():
        state = f"{pull.state}{', draft' if pull.draft else ''}"
        say(f"Pull request #{pull.number} ({state}), {pull.head} into {pull.base}:")
        quote(f"{pull.title}\n\n{pull.body}")
        say("Its commits and its diff, read back with git:")
        quote(stage.repository.git("log", "--format=%h %an%n%B", f"{pull.base}..{pull.head}"))
        quote(stage.repository.git("diff", f"{pull.base}...{pull.head}"))


def show_costs(stage: Stage, result: Result) -> None:
    """Print what the run took, where to look, and what a user adds to a repository."""
    fetched = Counter("fetching git" if ".git/" in sent.path else "API" for sent in stage.github.journal)
    say("What the run took:")
    quote(
        f"{result.seconds:.1f} s from start to exit, {result.peak_memory / 1024:.0f} MiB at its peak\n"
        f"requests: GitHub {fetched['API']} (and {fetched['fetching git']} to fetch), "
        f"OpenAI {len(stage.openai.journal)}, E2B {len(stage.e2b.journal)}\n"
        f"tokens: {result.outputs.get('input-tokens')} in, of them {result.outputs.get('cached-tokens')} cached; "
        f"{result.outputs.get('output-tokens')} out"
    )
    say("Where to look:")
    quote(
        f"git -C {stage.repository.git_dir} log -p --all\n"
        f"{OUTPUT / 'job-1' / 'step-0'}: log, event.json, output, step_summary"
    )
    say("To have this on your repository, put this into .github/workflows/ai-dev.yml, and set the two secrets:")
    quote((ROOT / "docs" / "examples" / "label.yml").read_text(encoding="utf-8"))


def read_tree(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their paths in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def say(line: str) -> None:
    """Print a line of the demo's own."""
    print(f"\n▌ {line}\n", flush=True)


def quote(text: str) -> None:
    """Print what is shown, set in."""
    print(textwrap.indent(text.rstrip(), "    ", lambda _: True), end="\n\n")


if __name__ == "__main__":
    sys.exit(main())
