"""Where the services are: GitHub Enterprise Server, one's own E2B and models, private certificates, proxies."""

import contextlib

import pytest

from standins.openai import reply, say
from tests.projects import fix_script
from tests.proxies import Authority, forward_proxy, tls_in_front


@pytest.fixture(scope="module")
def authority():
    """A certificate authority that no bundle has."""
    return Authority()


@pytest.fixture
def context(authority, directory):
    """A server certificate of that authority."""
    return authority.server_context(directory)


@pytest.fixture
def secure(context):
    """Puts TLS in front of services; gives the inputs and variables that lead there."""
    with contextlib.ExitStack() as opened:

        def put(stage, *names):
            def cover(url):
                return opened.enter_context(tls_in_front(url, context))

            inputs, variables = {}, {}
            if "api" in names:
                variables["GITHUB_API_URL"] = cover(stage.github.api_url)
            if "git" in names:
                variables["GITHUB_SERVER_URL"] = cover(stage.github.server_url)
            if "e2b" in names:
                inputs["e2b-api-url"] = inputs["e2b-sandbox-url"] = cover(stage.e2b.url)
            if "openai" in names:
                inputs["openai-base-url"] = cover(f"{stage.openai.url}/v1")
            return {"inputs": inputs, "variables": variables}

        yield put


def test_github_enterprise_server(set_stage, act):
    """On a server whose addresses have a path in front, all that goes to GitHub goes there, and links lead there."""
    stage = set_stage(prefix="/ghes")
    stage.repository.add_issue("add() subtracts", None, user="octo")
    stage.openai.play(*fix_script())

    result = act(stage.label(1))

    assert "opened" == result.outputs["status"], result.log
    assert f"{stage.github.url}/ghes/octo/demo/pull/2" == result.outputs["pull-request-url"]
    assert f"({stage.github.url}/ghes/octo/demo/actions/runs/" in stage.repository.pulls[2].body
    paths = [sent.path for sent in stage.github.journal]
    assert [] == [
        path for path in paths if not path.startswith(("/ghes/api/v3/repos/octo/demo/", "/ghes/octo/demo.git/"))
    ]


def test_github_enterprise_server_without_an_issue(set_stage, act):
    """There too a task without an issue runs, for which GitHub is asked who we are."""
    stage = set_stage(prefix="/ghes")
    stage.openai.play(reply(say("It subtracts.")))
    event = stage.repository.event("dispatch", sender="octo")

    result = act(stage.job("workflow_dispatch", event, inputs={"task": "What does add() do?"}))

    assert ("answered", "It subtracts.") == (result.outputs["status"], result.outputs["answer"]), result.log


def test_private_authority(stage, secure, authority, directory):
    """With its certificate in ca-certificates every client trusts a private authority, to the last word of the run.

    An earlier step that wants the keys of the connections written down gets none.
    """
    stage.openai.play(*fix_script())
    addresses = secure(stage, "api", "git", "e2b", "openai")
    bundle = f"# Beispielfirma, gültig für alle Server\n{authority.pem}"
    addresses["inputs"]["ca-certificates"] = bundle
    addresses["variables"] |= {"SSLKEYLOGFILE": str(directory / "keys"), "SSL_CERT_FILE": "/nowhere"}

    result = stage.label(1, **addresses).run()

    assert "opened" == result.outputs["status"], result.log
    assert "::warning" not in result.log
    (comment,) = stage.repository.issues[1].comments
    assert "**Opened #2**" in comment.body
    assert not (directory / "keys").exists()


@pytest.mark.parametrize(
    ("service", "status"), [("api", "refused"), ("git", "failed"), ("e2b", "failed"), ("openai", "failed")]
)
def test_unknown_authority(stage, act, secure, service, status):
    """Without it no client talks to such a server, none tries again, and the log names the input."""
    result = act(stage.label(1, **secure(stage, service)))

    assert status == result.outputs["status"], result.log
    assert "in the input ca-certificates." in result.log
    assert "in the input ca-certificates." in result.summary
    asked = {"api": stage.github, "git": stage.github, "e2b": stage.e2b, "openai": stage.openai}[service]
    assert [] == asked.requests(path={"api": "^/repos", "git": "[.]git/"}.get(service, ""))
    assert [] == [sandbox for sandbox in stage.e2b.sandboxes.values() if sandbox.alive]


def test_proxy(stage, act, context):
    """The job's proxy variables hold for every service."""
    stage.openai.play(*fix_script())
    with forward_proxy(context) as proxy:
        result = act(
            stage.label(1, variables={"http_proxy": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": "", "no_proxy": ""})
        )

    assert "opened" == result.outputs["status"], result.log
    services = (stage.github, stage.e2b, stage.openai)
    hosts = {target.partition(" ")[2] for target in proxy.targets}
    assert {service.url.removeprefix("http://") for service in services} == hosts


@pytest.mark.parametrize(
    ("inputs", "reached"),
    [
        pytest.param({"openai-base-url": ""}, "api.openai.com:443", id="openai"),
        pytest.param({"e2b-api-url": "", "e2b-sandbox-url": ""}, "api.e2b.app:443", id="e2b"),
        pytest.param(
            {"e2b-api-url": "", "e2b-sandbox-url": "", "e2b-domain": "e2b.example"},
            "api.e2b.example:443",
            id="e2b-domain",
        ),
    ],
)
def test_environment_of_earlier_steps(stage, directory, context, inputs, reached):
    """Addresses, keys and module paths that an earlier step put into the environment have no effect."""
    trap = directory / "trap"
    trap.mkdir()
    for module in ("sitecustomize", "openai", "e2b", "github", "json", "ai_dev"):
        (trap / f"{module}.py").write_text("raise SystemExit('foreign code runs')\n")
    planted = {
        "OPENAI_BASE_URL": f"{stage.openai.url}/v1",
        "OPENAI_API_KEY": "sk-of-somebody-else",
        "OPENAI_ORG_ID": "org-of-somebody-else",
        "OPENAI_CUSTOM_HEADERS": "X-Planted: yes",
        "E2B_DEBUG": "true",
        "E2B_API_URL": stage.e2b.url,
        "E2B_SANDBOX_URL": stage.e2b.url,
        "E2B_DOMAIN": "elsewhere.example",
        "E2B_API_KEY": "e2b_of_somebody_else",
        "GITHUB_TOKEN": "ghs_of_somebody_else",
        "PYTHONPATH": str(trap),
        "PYTHONSTARTUP": str(trap / "sitecustomize.py"),
    }
    with forward_proxy(context) as proxy:
        result = stage.label(1, inputs=inputs, variables={**planted, "HTTPS_PROXY": proxy.url}).run()

    assert {f"CONNECT {reached}"} == set(proxy.targets), result.log
    assert (1, "failed") == (result.exit_code, result.outputs["status"])
    assert "foreign code" not in result.log
    sent = [*stage.github.journal, *stage.e2b.journal, *stage.openai.journal]
    assert [] == [s.path for s in sent if any("somebody" in v or "Planted" in k for k, v in s.headers.items())]
