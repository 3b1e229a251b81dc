"""Bad inputs and events end well, before any service is asked: the log and the summary say what is wrong."""

import json

import pytest

MISSING = {
    "github-token": "`github-token` is missing: give `${{ github.token }}`",
    "openai-api-key": "`openai-api-key` is missing: add a repository secret and pass it",
    "e2b-api-key": "`e2b-api-key` is missing: add a repository secret and pass it",
}
NUMBER, SWITCH = "give a whole number, in digits", "give true or false"
ADDRESS = "give a whole address, from http or https to its host and path"
BRANCH, PREFIX = "git does not allow a branch of this name", "give a prefix for branch names such as ai-dev/"
KEY = "it has blanks, line ends or other characters that no key has: copy it again"
PEM = "give the certificates themselves, in PEM form"
FAULTS = [
    ("issue-number", "1; id", NUMBER),
    ("issue-number", "-1", NUMBER),
    ("issue-number", "1e9", NUMBER),
    ("issue-number", "12345678901", NUMBER),
    ("issue-number", "\uff11", NUMBER),
    ("issue-number", "0", "should be greater than or equal to 1"),
    ("fetch-depth", "all", NUMBER),
    ("max-turns", "0", "should be greater than or equal to 1"),
    ("max-turns", "1001", "should be less than or equal to 1000"),
    ("max-minutes", "1.5", NUMBER),
    ("max-minutes", "1381", "should be less than or equal to 1380"),
    ("draft", "yes", SWITCH),
    ("dry-run", "1", SWITCH),
    ("openai-base-url", "api.example.com", ADDRESS),
    ("openai-base-url", "https://user:secret@host.example", ADDRESS),
    ("openai-base-url", "https://[::1", ADDRESS),
    ("openai-base-url", "http://host.example:port/", ADDRESS),
    ("e2b-api-url", "ftp://host.example", ADDRESS),
    ("e2b-sandbox-url", "https://host.example/?key=1", ADDRESS),
    ("e2b-domain", "https://e2b.example", "give a host name such as e2b.example"),
    ("base-branch", "--upload-pack=id", BRANCH),
    ("base-branch", "a..b", BRANCH),
    ("branch-prefix", "a b", BRANCH),
    ("branch-prefix", "main", PREFIX),
    ("command", "ai-dev", "give a slash and a word behind it, such as /ai-dev"),
    ("label", "x" * 51, "should have at most 50 characters"),
    ("model", "gpt 6", "give the name of a model"),
    ("reasoning-effort", "very high", "give a word such as low, medium or high"),
    ("sandbox-template", "my template", "give the name or the id of a template"),
    ("task", "x" * 60_001, "should have at most 60000 characters"),
    ("ca-certificates", "/etc/ssl/company.pem", PEM),
    ("ca-certificates", "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----", PEM),
    ("ca-certificates", "-----BEGIN CERTIFICATE-----\n\u00fc\n-----END CERTIFICATE-----", PEM),
    ("openai-api-key", "sk-one\nsk-two", KEY),
    ("openai-api-key", "sk-from-a-chat\u2026", KEY),
    ("e2b-api-key", "e2b_ 123456", KEY),
    ("github-token", "Bearer ghs_123456", KEY),
]


@pytest.fixture
def stage(set_stage):
    """A stage on which nobody will look at the repository."""
    opened = set_stage(files={})
    opened.repository.add_issue("add() subtracts", None, user="octo")
    return opened


def check_silence(stage, result):
    """Nothing was asked of any service, and no traceback is shown."""
    assert [] == [s.path for service in (stage.github, stage.e2b, stage.openai) for s in service.journal]
    assert "Traceback" not in result.log


@pytest.mark.parametrize(("name", "value", "cure"), FAULTS, ids=[f"{n}={v[:20]!a}" for n, v, _ in FAULTS])
def test_bad_value(stage, act, name, value, cure):
    """A bad value of an input is named with its cure before any service is asked, and no secret's value is shown."""
    result = act(stage.label(1, inputs={name: value}))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    for told in (result.log, result.summary):
        assert f"`{name}` is not valid: {cure}" in told
    assert name not in ("openai-api-key", "e2b-api-key", "github-token") or value not in result.summary
    check_silence(stage, result)


def test_all_faults_at_once(stage, act):
    """All faults of the inputs are reported at once, missing and empty keys with the line that gives them."""
    faults = {"max-turns": "many", "draft": "perhaps", "base-branch": "-x"}

    result = act(stage.label(1, inputs={**dict.fromkeys(MISSING, " "), "e2b-api-key": "", **faults}))

    expected = [*MISSING.values(), *(f"`{name}` is not valid: " for name in faults)]
    assert [] == [fault for fault in expected if fault not in result.log or fault not in result.summary]
    assert "::add-mask::" not in result.log
    check_silence(stage, result)


@pytest.mark.parametrize("as_process", [False, True], ids=["in a fork", "as a process"])
def test_no_keys_at_all(stage, act, as_process):
    """A step without any input ends with what to add."""
    job = stage.label(1, inputs=dict.fromkeys(MISSING, ""))

    result = job.run() if as_process else act(job)

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert [] == [fault for fault in MISSING.values() if fault not in result.log]
    check_silence(stage, result)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ("", "is missing or not JSON"),
        ("{", "is missing or not JSON"),
        ("[" * 100_000, "is missing or not JSON"),
        ("[]", "holds no JSON object"),
        ("null", "holds no JSON object"),
        ('{"action": "labeled", "issue": {"number": "one"}}', "Its field issue.number is not as GitHub documents it."),
        ('{"action": ["labeled"]}', "Its field action is not as GitHub documents it."),
        ('{"sender": {"login": 7}}', "Its field sender.login is not as GitHub documents it."),
    ],
    ids=["empty", "not JSON", "too deep", "list", "null", "issue number", "action", "sender"],
)
def test_malformed_event(stage, act, event, why):
    """An event file that is not what GitHub writes ends the run with its fault named."""
    result = act(stage.job("issues", event))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "The event cannot be read." in result.log
    assert why in result.log
    assert why in result.summary
    check_silence(stage, result)


@pytest.mark.parametrize("path", ["", "/nonexistent/event.json", "/"], ids=["none", "missing", "folder"])
def test_no_event_file(stage, act, path):
    """A job whose event file cannot be opened is told so."""
    result = act(stage.label(1, variables={"GITHUB_EVENT_PATH": path}))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "The file in GITHUB_EVENT_PATH is missing or not JSON" in result.log
    check_silence(stage, result)


def test_outside_of_actions(stage, act):
    """Started anywhere else than in a job, it says where it belongs."""
    result = act(stage.label(1, variables={"GITHUB_REPOSITORY": ""}))

    assert 1 == result.exit_code
    assert "This is not a job of GitHub Actions." in result.log
    check_silence(stage, result)


def test_numbers_typed_into_the_form(stage, act):
    """What somebody types into the form of a dispatch is checked like an input."""
    event = stage.repository.event("dispatch", sender="octo", inputs={"issue-number": "1 || id"})

    result = act(stage.job("workflow_dispatch", json.dumps(event)))

    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert f"`issue-number` is not valid: {NUMBER}." in result.log
    check_silence(stage, result)
