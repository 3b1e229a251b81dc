"""The action's inputs: defaults, what is taken, and every fault at once with its cure."""

import subprocess
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dev.errors import InputError
from ai_dev.settings import Settings, input_name

KEYS = {"github-token": "ghs_token", "openai-api-key": "sk-key", "e2b-api-key": "e2b_key"}
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBejCCASGgAwIBAgIUcHhVvDLb6TFRkF9WqSdSTuiu2TUwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----"""


def load(**inputs):
    """The settings with these inputs (snake case) beside the keys."""
    given_inputs = KEYS | {name.replace("_", "-"): value for name, value in inputs.items()}
    return Settings.load({f"INPUT_{name.upper()}": value for name, value in given_inputs.items()})


def faults(**inputs):
    """The lines of the error that these inputs make."""
    with pytest.raises(InputError) as raised:
        load(**inputs)
    return raised.value.why.split("\n")


def test_defaults():
    """Three keys are enough; everything else has its default, also when the runner gives it empty or blank."""
    given_inputs = {input_name(name): " \n" for name in Settings.model_fields if name.replace("_", "-") not in KEYS}
    bare = Settings.load(given_inputs | {f"INPUT_{name.upper()}": value for name, value in KEYS.items()})

    assert bare == load()
    assert ("ai-dev", "/ai-dev", "ai-dev/", 1, 100, 45) == (
        bare.label,
        bare.command,
        bare.branch_prefix,
        bare.fetch_depth,
        bare.max_turns,
        bare.max_minutes,
    )
    assert (True, False, None, "") == (bare.draft, bare.dry_run, bare.issue_number, bare.task)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("label", "help wanted", "help wanted"),
        ("command", "/Fix_it-2", "/Fix_it-2"),
        ("issue_number", "999999999", 999_999_999),
        ("issue_number", "0012", 12),
        ("task", "a\nb\n", "a\nb"),
        ("allowed_bots", "renovate[bot]", "renovate[bot]"),
        ("allowed_bots", " a[bot],b-c[bot] ,\r\n\n Copilot\n, a[bot]", "a[bot], b-c[bot], Copilot"),
        ("allowed_bots", ",\n", ""),
        ("base_branch", "release/1.x", "release/1.x"),
        ("base_branch", "größe@2", "größe@2"),
        ("branch_prefix", "bot-", "bot-"),
        ("branch_prefix", "a/b/", "a/b/"),
        ("fetch_depth", "0", 0),
        ("model", "vendor/model:free", "vendor/model:free"),
        ("reasoning_effort", "xhigh", "xhigh"),
        ("openai_base_url", "https://x.example/openai/v1/", "https://x.example/openai/v1"),
        ("openai_base_url", "http://[::1]:8080", "http://[::1]:8080"),
        ("e2b_domain", "e2b.example:8443", "e2b.example:8443"),
        ("e2b_api_url", "http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("sandbox_template", "team/name:tag", "team/name:tag"),
        ("max_turns", "1000", 1000),
        ("max_minutes", "1380", 1380),
        ("allow_paths", "a, .github/workflows/ci.yml\n b/ \n,a", "a\n.github/workflows/ci.yml\nb/"),
        ("allow_paths", "/".join("a" * 40), "/".join("a" * 40)),
        ("max_cost", "2.50", Decimal("2.5")),
        ("max_cost", "0.0001", Decimal("0.0001")),
        ("prices", "output=12", "output=12"),
        ("draft", "False", False),
        ("dry_run", "TRUE", True),
    ],
)
def test_valid_values(name, value, expected):
    """Each input takes what its description says."""
    assert expected == getattr(load(**{name: value}), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("github_token", "ghs with blanks"),
        ("openai_api_key", "sk-a\nsk-b"),
        ("e2b_api_key", "schlüssel"),
        ("label", "x" * 51),
        *[("command", value) for value in ("ai-dev", "/", "/a b", "/" + "x" * 50, "/\u0430i-dev", "/-x")],
        *[("issue_number", value) for value in ("0", "-1", "1; id", "1e9", "1_0", "1.0", "\u0661", "1000000000", "#1")],
        ("task", "x" * 60_001),
        *[("base_branch", v) for v in ("-f", "a..b", "a b", "a~1", "a^", "a:b", "a?", "*", "[a", "a\\b", "/a", "a//b")],
        *[("base_branch", v) for v in (".a", "a/.b", "a.lock", "a.lock/b", "a.", "@{u}", "a\x7f", "a\x01b")],
        *[("branch_prefix", value) for value in ("/", "-x/", "main", "Master/", "refs/", "x" * 101, "a b/", "../")],
        *[("fetch_depth", value) for value in ("-1", "all", "1000000000")],
        *[
            ("allowed_bots", v)
            for v in ("*", "a[bot], *", "a b", "@a[bot]", "[bot]", "a[bot][bot]", "a" * 200, "\u0430[bot]")
        ],
        ("allowed_bots", ",".join(f"bot-{i}" for i in range(51))),
        ("allowed_bots", "," * 10_001),
        *[
            ("allow_paths", v)
            for v in ("*", ".github/**", "/a", "../a", "a//b", "./a", "/", "a\\b", "a:b", "[a]", "a\tb")
        ],
        ("allow_paths", ",".join(f"f{i}" for i in range(101))),
        ("allow_paths", "x" * 20_001),
        ("model", "two words"),
        ("reasoning_effort", "very high"),
        *[
            ("openai_base_url", v)
            for v in ("x.example", "ftp://x", "https://", "https://u:p@x", "https://x/?a=b", "http://[")
        ],
        ("e2b_domain", "e2b.example/path"),
        ("e2b_api_url", "file:///etc/passwd"),
        ("e2b_sandbox_url", "https://x.example/a b"),
        ("sandbox_template", "$(id)"),
        *[("ca_certificates", v) for v in ("/etc/ssl/ca.pem", "Ümlaut", CERTIFICATE, "-----BEGIN CERTIFICATE-----")],
        *[("max_turns", value) for value in ("0", "1001", "many")],
        *[("max_minutes", value) for value in ("0", "1381", "1.5")],
        *[("max_cost", value) for value in ("0", "0.00", "-1", "$2", "2,50", "1e3", "1000000.5", "many", "NaN")],
        *[("prices", value) for value in ("2", "input=x", "reasoning=1", "output=1 output=2")],
        *[("draft", value) for value in ("yes", "0", "on")],
        ("dry_run", "maybe"),
    ],
)
def test_invalid_values(name, value):
    """What an input cannot be is one fault, with the input's name."""
    (fault,) = faults(**{name: value})

    assert fault.startswith(f"- `{name.replace('_', '-')}` is not valid: ")
    assert fault.endswith(".")


def test_all_faults_at_once():
    """Every fault is told in one go: missing keys with where to put them, and wrong values with what to give."""
    with pytest.raises(InputError) as raised:
        Settings.load({"INPUT_MAX-TURNS": "many", "INPUT_DRAFT": "perhaps", "INPUT_E2B-API-KEY": "  "})

    lines = raised.value.why.split("\n")
    assert ["`github-token`", "`openai-api-key`", "`e2b-api-key`", "`max-turns`", "`draft`"] == [
        line.split()[1] for line in lines
    ]
    assert "${{ secrets.OPENAI_API_KEY }}" in lines[1]
    assert "${{ secrets.E2B_API_KEY }}" in lines[2]
    assert "digits" in lines[3]
    assert "true or false" in lines[4]


def test_limit_in_dollars_needs_a_price():
    """A limit in dollars for a model of unknown price is told beside every other fault, with what to give."""
    named, other = faults(model="own", max_cost="1", draft="perhaps")
    assert "`draft`" in named
    assert other == (
        "- `max-cost` needs the prices of the model own, which are not known here: give them in `prices`, in dollars per "
        "million tokens, such as `input=2 cached-input=0.10 cache-write=2.50 output=10`."
    )
    (missing,) = faults(model="own", max_cost="1", prices="input=1")
    assert missing.startswith("- `prices` is not valid: output is missing: give ")

    assert 3 == load(model="own", max_cost="1", prices="input=1 output=3").price.output
    assert 10 == load(max_cost="1").price.output
    assert None is load(model="own").price


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="*"), min_size=8, max_size=30).map(
        "{}~9".format  # no word that a setting's name or an error's text has
    ),
    st.sampled_from(sorted(KEYS)),
)
def test_secrets_stay_out_of_errors(secret, name):
    """No error, and no printed form of the settings, holds a key or a part of one, be it valid or not."""
    inputs = {name.replace("-", "_"): secret}
    try:
        shown = repr(load(**inputs)) + str(load(**inputs))
    except InputError as e:
        shown = str(e)

    assert secret not in shown


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("a.-/@{}~^:?*[\\ \x7f\té") | st.sampled_from("lock"), min_size=1, max_size=8))
def test_branches_are_those_of_git(name):
    """A branch that we take is one that git can have."""
    try:
        taken = load(base_branch=name).base_branch
    except InputError:
        return

    done = subprocess.run(["git", "check-ref-format", f"refs/heads/{taken}".rstrip("/")], check=False)
    assert 0 == done.returncode
