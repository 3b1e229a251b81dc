"""The log, the status comment and the last words of a run, whatever they are made of."""

import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_dev.budget import Budget
from ai_dev.errors import AiDevError, Status
from ai_dev.log import Log
from ai_dev.marker import Marker
from ai_dev.prices import Usage
from ai_dev.redaction import HIDDEN, Redactor
from ai_dev.report import Ending, Report
from ai_dev.repository import Repository
from ai_dev.runner import Answered, Asked, Called, Note, Planned, Printed, Runner, Said, Step, Warned
from ai_dev.status_comment import StatusComment
from standins.git import make_repository
from standins.github import GitHub
from standins.runner import read_values

SECRET = "sk-secret-0123456789"
TOKEN = "ghs_token"
MARKER = Marker(key="run-5", run="5")


@pytest.fixture
def log():
    """A log that knows one secret."""
    return Log(Redactor.of([SECRET]))


def test_log_is_an_outline(log, capsys):
    """Steps are groups, closed before the next begins; what is foreign is marked and what is ours is not."""
    for event in (
        Step("One: 1%"),
        Note("A note."),
        Warned("Careful:\nhot"),
        Step("Two"),
        Asked(1),
        Said("Well,\n::warning::x"),
        Called("run_command", "ls"),
        Printed("a\nb"),
        Answered("Exit code 0"),
        Planned((("do it", "completed"), ("test it", "in_progress"), ("rest", "pending"))),
    ):
        log(event)
    log.close("opened:\nfine", "notice")

    expected = """::group::One: 1%25
A note.
::warning::Careful: hot
::endgroup::
::group::Two
── turn 1
│ Well,
│ ::warning::x
│ ▶ run_command: ls
│ a
│ b
│ ◀ Exit code 0
│ ☑ do it
│ ▷ test it
│ ☐ rest
::endgroup::
::notice::opened:%0Afine
"""
    assert expected == capsys.readouterr().out


@pytest.mark.parametrize("hidden", [SECRET, "\u200b".join(SECRET), "\x1b[0m".join(SECRET[:9]) + SECRET[9:]], ids=ascii)
def test_no_event_prints_a_secret(log, capsys, hidden):
    """A secret is hidden in every event, also where invisible characters take it apart."""
    events = [event(hidden) for event in (Note, Warned, Said, Answered, Printed)]
    for event in (*events, Called("run_command", hidden), Planned(((hidden, "pending"),)), Asked(2)):
        log(event)
    log.show(hidden)
    log.close(hidden, "error")

    printed = capsys.readouterr().out
    assert SECRET not in printed
    assert 9 == printed.count(HIDDEN)


def test_stream_waits_for_the_end_of_a_line(log, capsys):
    """Output is printed line by line as it comes, so that a secret which two chunks share is hidden."""
    log(Printed("first\nkey=" + SECRET[:8]))
    assert "│ first\n" == capsys.readouterr().out

    log(Printed(SECRET[8:] + "\nlast"))
    assert f"│ key={HIDDEN}\n" == capsys.readouterr().out

    log(Answered("done"))
    assert "│ last\n│ ◀ done\n" == capsys.readouterr().out


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.lists(st.integers(0, 80), max_size=4))
def test_chunks_make_no_difference(capsys, text, places):
    """However output is cut into chunks, the log is the same, and the secret in it is hidden."""
    text = f"{text}{SECRET}{text}\n"
    cuts = sorted({0, len(text), *(place % len(text) for place in places)})
    whole, pieces = Log(Redactor.of([SECRET])), Log(Redactor.of([SECRET]))

    whole(Printed(text))
    expected = capsys.readouterr().out
    for start, end in itertools.pairwise(cuts):
        pieces(Printed(text[start:end]))

    assert expected == capsys.readouterr().out
    assert SECRET not in expected


def test_line_without_end(log, capsys):
    """A line that does not end is printed in parts, each cut to what a log can show."""
    for _ in range(10):
        log(Printed("x" * 10_000))

    lines = capsys.readouterr().out.splitlines()
    assert 1 == len(lines)
    assert 2002 == len(lines[0])


def test_log_has_a_limit(log, capsys):
    """After twenty thousand foreign lines the log says that there are more, once; our own lines go on."""
    for _ in range(5):
        log(Printed("x\n" * 6_000))
    log(Note("We go on."))
    log.close("opened", "notice")

    lines = capsys.readouterr().out.splitlines()
    assert 20_000 == lines.count("│ x")
    assert ["│ [… the log has enough lines; the run goes on …]", "We go on.", "::notice::opened"] == lines[20_000:]


@pytest.fixture
def github(directory):
    """A server with one repository and one issue."""
    with GitHub(directory / "github") as server:
        server.add_token(TOKEN)
        server.add_user("octo")
        source = make_repository(directory / "source", {"a.txt": "1\n"})
        server.add_repository("octo/demo", source=source).add_issue("Bug", "It is.", user="octo")
        yield server


@pytest.fixture
def runner(directory):
    """A job whose files are in the directory."""
    files = {f"GITHUB_{name}": str(directory / name.lower()) for name in ("OUTPUT", "STATE", "STEP_SUMMARY")}
    return Runner.of({"GITHUB_REPOSITORY": "octo/demo", "GITHUB_RUN_ID": "5"} | files)


@pytest.fixture
def told():
    """What the comment tells of itself."""
    return []


@pytest.fixture
def status(github, runner, told):
    """The status comment of issue 1."""
    repository = Repository(github.api_url, "octo/demo", TOKEN)
    return StatusComment(repository, runner, Redactor.of([SECRET]), 1, MARKER, told.append)


def thread(github):
    """The comments of the issue."""
    return [comment.body for comment in github.repositories["octo/demo"].issues[1].comments]


def test_comment_is_edited_now_and_then(github, status):
    """While the run works its comment shows the plan and the turn, edited once in half a minute at the most."""
    status.begin(MARKER)
    for turn in range(5):
        status.note(Asked(turn), None)
    assert [] == github.requests("PATCH")

    status._edited -= 31
    status.note(Planned((("Find @octo's bug", "in_progress"), (SECRET, "pending"))), None)
    status.note(Asked(9), None)

    assert 1 == len(github.requests("PATCH"))
    (body,) = thread(github)
    assert "Turn 4" in body
    assert body.endswith(f"- [ ] ▷ Find @\u200bocto's bug\n- [ ] {HIDDEN}")


def test_comment_is_edited_less_when_requests_are_scarce(github, status):
    """With few requests left to GitHub the work has them, not the comment."""
    github.rate_remaining = 200
    status.begin(MARKER)
    status._edited -= 31
    status.note(Asked(1), None)
    assert [] == github.requests("PATCH")

    status._edited -= 301
    status.note(Asked(2), None)

    assert 1 == len(github.requests("PATCH"))


def test_other_events_are_not_for_the_comment(github, status):
    """Output and notes never make a request."""
    status.begin(MARKER)
    status._edited -= 31
    for event in (Note("x"), Printed("x"), Said("x"), Step("x")):
        status.note(event, None)

    assert [] == github.requests("PATCH")


def test_refused_edits_are_not_repeated(github, status, told):
    """When GitHub lets us edit no more, the run goes on, says so once, and tries again only at the end."""
    status.begin(MARKER)
    github.fail("PATCH", "/comments/", status=403, body={"message": "no"}, times=None)
    for turn in (1, 2, 3):
        status._edited -= 31
        status.note(Asked(turn), None)

    assert 1 == len(github.requests("PATCH"))
    assert ["The status comment is not up to date"] == [warned.text.partition(":")[0] for warned in told]

    status.end(Status.ANSWERED, "The end.", None)
    (body,) = thread(github)
    assert body.endswith("The end.")


def test_comment_of_an_earlier_run_that_is_gone(github, status):
    """Where somebody has just deleted it the run says in a new one that it works: else another run would not know."""
    status.begin(MARKER)
    first = status.comment
    status.repository.delete_comment(first)

    status.begin(MARKER)

    assert first != status.comment
    assert 1 == len(thread(github))


def test_comment_that_somebody_deletes(github, status, told):
    """That it is gone is said once; the end is told in a new one."""
    status.begin(MARKER)
    status.repository.delete_comment(status.comment)
    for turn in (1, 2, 3):
        status._edited -= 31
        status.note(Asked(turn), None)
    assert 1 == len(told)

    status.end(Status.OPENED, "The end.", None)

    (body,) = thread(github)
    assert body.endswith("The end.")


@pytest.mark.parametrize("ended", [Status.ANSWERED, Status.FAILED, Status.UNCHANGED, Status.OPENED, Status.CANCELLED])
def test_there_is_one_comment(github, status, ended):
    """An ending notifies, by its pull request or by a new comment for the old; one that is cancelled has no time to."""
    status.begin(MARKER)
    first = status.comment
    status.end(ended, "The end.", None)

    (body,) = thread(github)
    assert (first == status.comment) == (ended in (Status.OPENED, Status.CANCELLED))
    done = ("run-5",) if ended.exit_code == 0 else ()
    assert Marker(key="run-5", run="5", status=ended, done=done) == Marker.read(body)


def test_cut_off_run_keeps_the_issue(status, github):
    """Until the post step has delivered what a cancelled run left, its comment says that the issue is taken."""
    status.begin(MARKER)
    status.end(Status.CANCELLED, "The end.", None, until=int(time.time()) + 60)

    (body,) = thread(github)
    assert Marker.read(body).is_live()


def test_nothing_follows_the_end(github, status):
    """What a thread still tells after the end leaves the comment as it is."""
    status.begin(MARKER)
    status.end(Status.FAILED, "The end.", None)
    status._edited -= 31
    status.note(Asked(7), None)
    status.begin(MARKER)

    (body,) = thread(github)
    assert body.endswith("The end.")


def test_comment_cannot_be_written(github, status, told):
    """Without its comment the run goes on, and the log says why there is none."""
    github.fail("POST", "/comments$", status=403, body={"message": "locked"}, times=None)
    status.begin(MARKER)
    status.note(Asked(1), None)
    status.end(Status.FAILED, "The end.", None)

    assert [] == thread(github)
    assert 2 == len(told)


def close(runner, ending, **report):
    """Close a report with an ending."""
    made = Report(runner, Redactor.of([SECRET]), Log(Redactor.of([SECRET])), Budget(9, 9), **report)
    made.budget.spend(Usage(10, 4, 2), 0, 0)
    return made.close(ending), made


@pytest.mark.parametrize(
    "ending",
    [
        Ending(Status.ANSWERED, text="a\nb<<x\nstatus=opened\u2028"),
        Ending(Status.ANSWERED, text="\ud83d lone"),
        Ending(Status.FAILED, what="\ud83d", why="\x1b[31m::stop-commands::x\n##[add-mask]x", cure="\r", kept="\ud83d"),
        Ending(Status.STOPPED, text="x" * 100_000, kept="y" * 100_000),
        Ending(Status.BUG),
        Ending.of(AiDevError("what", "why", "cure"), "kept"),
    ],
    ids=["delimiters", "half a character", "escapes", "long", "bug", "error"],
)
def test_every_ending_can_be_told(runner, directory, capsys, ending):
    """Whatever an ending is made of: outputs, summary and one last line of the log."""
    close(runner, ending)

    outputs = read_values(directory / "output")
    assert str(ending.status) == outputs["status"]
    assert 61_000 > len(outputs["answer"].encode())
    assert f"## AI Dev: {ending.status}\n" in (directory / "step_summary").read_text()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"::{'error' if ending.status.exit_code else 'notice'}::{ending.status}")


def test_only_the_first_ending_counts(runner, directory, capsys):
    """A run that has ended cannot end again."""
    _, report = close(runner, Ending(Status.CANCELLED))
    report.close(Ending(Status.OPENED))

    assert "cancelled" == read_values(directory / "output")["status"]
    assert 1 == len(capsys.readouterr().out.splitlines())


def test_secrets_are_in_no_ending(runner, directory, capsys):
    """Outputs, summary and log are free of the run's secrets."""
    ending = Ending(Status.FAILED, *[f"{SECRET} {name}" for name in ("text", "what", "why", "cure", "kept", "link")])
    close(runner, ending, extra=SECRET)

    written = "".join((directory / name).read_text() for name in ("output", "step_summary"))
    assert SECRET not in written + capsys.readouterr().out


def test_last_line_of_the_log_has_parts(runner, capsys):
    """The log's last line says what is not delivered as such, and a list in it begins on a line of its own."""
    close(runner, Ending(Status.OPENED, kept="a.txt: too long."))
    close(runner, Ending(Status.FAILED, what="The inputs have faults.", why="- one\n- two"))

    first, second = capsys.readouterr().out.splitlines()
    assert "::notice::opened: Not delivered: a.txt: too long." == first
    assert "::error::failed: The inputs have faults.%0A- one%0A- two" == second


def test_summary_has_the_warnings(runner, directory):
    """What was warned of while the run went on stands in its summary, inert."""
    report = Report(runner, Redactor.of([SECRET]), Log(Redactor.of([SECRET])), Budget(9, 9))
    report.tell(Warned("@octo's work is lost."))
    report.close(Ending(Status.ANSWERED, text="Yes."))

    assert "Warnings:\n\n- @\u200bocto's work is lost.\n" in (directory / "step_summary").read_text()


def test_patch_is_told_where_it_can_be_had(runner, directory):
    """A file is named only where a later step can take it: not by the post step, and not where there is none."""
    told = "in the file `a.patch` on its runner: a later step can upload that."
    for patch, state, named in (("a.patch", {}, True), ("a.patch", {"began": "yes"}, False), ("", {}, False)):
        close(replace(runner, state=state), Ending(Status.FAILED), patch=patch)
        summary = (directory / "step_summary").read_text().rpartition("## AI Dev")[2]
        assert named == (told in summary)
        assert "What passed the checks and is not on GitHub is in the summary of" in summary


def test_summary_has_no_gaps(runner, directory):
    """What there is nothing to say of leaves no empty lines in the summary."""
    close(runner, Ending(Status.ANSWERED, text="Yes."))

    assert "\n\n\n" not in (directory / "step_summary").read_text().rstrip()


def test_words_of_others_are_inert(runner, directory):
    """What the model, a service or the sandbox said is published without anything live in it."""
    live = "@octo Fixes #1 <img src=x>"
    close(runner, Ending(Status.FAILED, text=live, what=live, why=live, kept=live))

    summary = (directory / "step_summary").read_text()
    assert 4 == summary.count("@\u200bocto Fixes #\u200b1 <\u200bimg src=x>")
    assert "@octo" not in summary
