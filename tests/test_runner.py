"""What a run tells the runner: outputs, state, summary, masks and commands, whatever is in them; and what it is told."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.errors import AiDevError
from ai_dev.runner import Runner, command, mask, signals, trust
from standins.runner import read_values

HOSTILE = ["a\nb", "name=value", "x<<EOF\nevil\nEOF\nother=1", "\r\n", "", "\ud800", "é\u2028", "%0A", "end-1\nend-2"]


@pytest.fixture
def runner(tmp_path):
    """A job whose files are in a temporary folder."""
    return Runner.of(
        {
            "GITHUB_REPOSITORY": "octo/demo",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STATE": str(tmp_path / "state"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        }
    )


def unescape(line):
    """A command as the runner reads it: its name, its properties, its text."""
    head, _, text = line.removeprefix("::").partition("::")
    name, _, listed = head.partition(" ")
    codes = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
    pairs = [pair.split("=", 1) for pair in listed.split(",") if pair]
    for code, char in codes:
        pairs = [(key, value.replace(code, char)) for key, value in pairs]
    for code, char in (*codes[:2], codes[4]):
        text = text.replace(code, char)
    return name, dict(pairs), text


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_outputs_are_what_was_given(runner, tmp_path, value):
    """An output has exactly its value, and no text in it makes another one."""
    runner.set_outputs({"answer": value, "turns": 3})

    assert {"answer": value.replace("\r\n", "\n").replace("\ud800", "?"), "turns": "3"} == read_values(
        tmp_path / "output"
    )


def test_delimiters_cannot_be_guessed(runner, tmp_path):
    """Each value has a delimiter of its own."""
    runner.set_outputs({"a": "x", "b": "x"})
    runner.save_state(sandbox_id="s-1")

    lines = ((tmp_path / "output").read_text() + (tmp_path / "state").read_text()).splitlines()
    assert 3 == len({line.partition("<<")[2] for line in lines if "<<" in line})
    assert {"sandbox-id": "s-1"} == read_values(tmp_path / "state")


def test_state_is_added_to(runner, tmp_path):
    """What is saved later counts; what was saved before stays."""
    runner.save_state(tree="1", us_id=7)
    runner.save_state(tree="2\n3")

    assert {"tree": "2\n3", "us-id": "7"} == read_values(tmp_path / "state")


def test_summary_fits(runner, tmp_path):
    """A summary of any length stays below the runner's limit and is whole UTF-8."""
    runner.write_summary("é" * (1 << 20) + "\ud800")

    assert (1 << 20) > len((tmp_path / "summary").read_bytes())
    assert "é" == (tmp_path / "summary").read_text().strip()[-1]


def test_nothing_is_written_where_there_is_no_runner():
    """Outside a job outputs, state and summary go nowhere."""
    runner = Runner.of({"GITHUB_REPOSITORY": "octo/demo"})
    runner.set_outputs({"a": 1})
    runner.save_state(a=1)
    runner.write_summary("x")

    assert not runner.in_actions


@pytest.mark.parametrize("repository", ["", "demo", "octo/demo/x"])
def test_no_job(repository):
    """Without a repository's name there is no job, and the error says how to see it work."""
    with pytest.raises(AiDevError, match="make demo"):
        Runner.of({"GITHUB_REPOSITORY": repository})


def test_state_of_the_main_step():
    """The post step finds what the main step saved by the names that it gave."""
    runner = Runner.of(
        {"GITHUB_REPOSITORY": "octo/demo", "STATE_sandbox-id": "s-1", "STATE": "no", "OTHER_STATE_x": "no"}
    )

    assert {"sandbox-id": "s-1"} == runner.state


@pytest.mark.parametrize(
    "content",
    [None, b"", b"no JSON", b"[1]", b"null", b"\xff\xfe{}", b'{"a": ', b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"],
    ids=["no file", "empty", "text", "list", "null", "no UTF-8", "cut", "deep", "a huge number"],
)
def test_event_that_cannot_be_read(runner, tmp_path, content):
    """An event file that holds no JSON object ends the run with a sentence about it."""
    if content is not None:
        (tmp_path / "event.json").write_bytes(content)

    with pytest.raises(AiDevError, match="GITHUB_EVENT_PATH"):
        runner.read_event()


def test_event_of_many_megabytes(runner, tmp_path):
    """An event is read up to 32 MiB, and no further."""
    (tmp_path / "event.json").write_text('{"a": "' + "x" * (20 << 20) + '"}')
    assert 20 << 20 == len(runner.read_event()["a"])

    (tmp_path / "event.json").write_text('{"a": "' + "x" * (32 << 20) + '"}')
    with pytest.raises(AiDevError):
        runner.read_event()


@given(st.text(), st.text())
def test_commands_are_read_as_they_were_meant(text, title):
    """A command is one line, and the runner reads from it what was put in."""
    line = command("error", text, title=title)

    assert "\n" not in line
    assert "\r" not in line
    assert ("error", {"title": title}, text) == unescape(line)


def test_masks(capsys):
    """Every secret is masked whole, and line by line where it has more than one."""
    mask(("one", "two\nlines\n", "  "))

    printed = sorted(capsys.readouterr().out.splitlines())
    assert ["::add-mask::lines", "::add-mask::one", "::add-mask::two", "::add-mask::two%0Alines%0A"] == printed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_heard(number):
    """A signal of the runner's is heard while we listen, and does what it did before afterwards."""
    heard, before = [], signal.getsignal(number)
    with signals(lambda: heard.append(number)):
        signal.raise_signal(number)

    assert [number] == heard
    assert before is signal.getsignal(number)


def test_no_certificates(tmp_path):
    """Without certificates of the user's nothing is changed."""
    assert trust("", tmp_path) is None
    assert [] == list(tmp_path.iterdir())
