"""What users copy and read says what the code does: action.yml, the README's tables, the examples."""

import os
import re
import subprocess
import sysconfig
import textwrap
from pathlib import Path

import pytest
import yaml

from ai_dev.errors import Status
from ai_dev.prices import _TABLE
from ai_dev.settings import Settings
from standins.runner import Job

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yml"))

SLUG = "OWNER/ai-dev"
"""Where the action is published."""
SPARE_MINUTES = 15
"""Between the action's own limit and the job's: to deliver, and for the post step to run."""
REQUIRED = {"openai-api-key", "e2b-api-key"}
EVENT_TEXT = r"\$\{\{(?!\s*(runner|github\.(workspace|run_id|sha))\b).*?\}\}"
"""An expression in a command, but for those whose values no stranger can shape."""


def write_default(name: str) -> str:
    """The default of a setting as an input has it."""
    if name == "github_token":
        return "${{ github.token }}"
    field = Settings.model_fields[name]
    if field.is_required() or field.default is None:
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def write_table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def write_inputs() -> str:
    """The README's table of inputs."""
    rows = []
    for name, about in ACTION["inputs"].items():
        default = "**required**" if about.get("required") else f"`{about['default']}`" if "default" in about else ""
        rows.append([f"`{name}`", default, about["description"]])
    return write_table(["Input", "Default", "What it is"], rows)


def write_outputs() -> str:
    """The README's table of outputs."""
    rows = [[f"`{name}`", about["description"]] for name, about in ACTION["outputs"].items()]
    return write_table(["Output", "What it is"], rows)


def read_jobs(example: Path) -> list[dict]:
    """The jobs of an example that use the action."""
    jobs = yaml.safe_load(example.read_text("utf-8"))["jobs"].values()
    return [job for job in jobs if list_steps(job)]


def list_steps(job: dict) -> list[dict]:
    """The steps of a job that use the action."""
    return [step for step in job["steps"] if step.get("uses", "").startswith(f"{SLUG}@")]


def test_inputs_are_the_settings():
    """action.yml has every setting as an input, with the same default, and asks for those that have none."""
    inputs = ACTION["inputs"]
    settings = {name.replace("_", "-"): write_default(name) for name in Settings.model_fields}

    assert settings == {name: about.get("default", "") for name, about in inputs.items()}
    assert {name for name, about in inputs.items() if about.get("required")} == REQUIRED


def test_outputs_are_those_that_are_set(tmp_path):
    """Even a run that is not for us sets exactly the outputs that action.yml names."""
    inputs = {"github-token": "t", "openai-api-key": "o", "e2b-api-key": "e"}
    variables = {"GITHUB_REPOSITORY": "octo/demo", "GITHUB_API_URL": "http://127.0.0.1:9"}

    result = Job(tmp_path, "push", {}, inputs, variables).run()

    assert "skipped" == result.outputs["status"]
    assert sorted(ACTION["outputs"]) == sorted(result.outputs)


@pytest.mark.parametrize("write", [write_inputs, write_outputs])
def test_readme_has_the_table(write):
    """The README's tables are made of action.yml."""
    assert write() in README


def test_readme_has_the_endings():
    """The README's table of endings has every status with its exit code, and no other."""
    rows = re.findall(r"^\| `([a-z]+)` \| ([0-9]+) \|", README, re.MULTILINE)

    assert {status.value: str(status.exit_code) for status in Status} == dict(rows)


def test_readme_shows_the_first_example():
    """The workflow to copy is the checked one."""
    assert f"```yaml\n{(ROOT / 'docs/examples/label.yml').read_text('utf-8')}```\n" in README


def test_readme_shows_the_step_that_keeps_a_patch():
    """The step to copy is the one of the checked example."""
    step = (ROOT / "docs/examples/step.yml").read_text("utf-8").partition("      # What GitHub did not take")
    shown = textwrap.dedent(step[1] + step[2])

    assert textwrap.indent(f"```yaml\n{shown}```\n", "  ") in README


def test_readme_names_the_models_with_a_price():
    """Whoever sets max-cost reads for which models the action knows the prices."""
    assert re.findall(r"`([^`]+)`", re.search(r"Cost is known for (.+?),? by", README)[1]) == list(_TABLE)


def test_entrypoint_is_what_the_runner_starts():
    """The runner starts the file itself, without arguments: it is executable and finds Python isolated."""
    runs, entrypoint = ACTION["runs"], ROOT / "entrypoint.py"

    assert {"/app/entrypoint.py"} == {runs["entrypoint"], runs["post-entrypoint"]}
    assert os.access(entrypoint, os.X_OK)
    assert entrypoint.read_text("utf-8").startswith("#!/usr/local/bin/python -I\n")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example):
    """An example uses inputs that exist, and its job has what a run needs and no more."""
    jobs = read_jobs(example)
    assert jobs
    for job in jobs:
        assert {"contents": "write", "pull-requests": "write"}.items() <= job["permissions"].items()
        assert {"contents": "write", "pull-requests": "write", "issues": "write"}.items() >= job["permissions"].items()
        assert not job["concurrency"]["cancel-in-progress"]
        for step in list_steps(job):
            given = step["with"]
            assert REQUIRED <= set(given) <= set(ACTION["inputs"])
            limit = int(given.get("max-minutes", ACTION["inputs"]["max-minutes"]["default"]))
            assert job["timeout-minutes"] >= limit + SPARE_MINUTES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_runs_no_text_of_strangers(example):
    """No command of an example has an expression in it that a stranger could shape."""
    jobs = yaml.safe_load(example.read_text("utf-8"))["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]

    assert [] == [command for command in commands if re.search(EVENT_TEXT, command)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_is_clean(example, tmp_path):
    """zizmor's auditor finds nothing in an example once a SHA stands for the placeholder; one trigger is explained."""
    text = example.read_text("utf-8").replace("<full SHA of the release>", "0123456789abcdef" * 2 + "01234567 # v1.0.0")
    file = tmp_path / ".github" / "workflows" / example.name
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    zizmor = Path(sysconfig.get_path("scripts")) / "zizmor"

    audit = [zizmor, "--offline", "--persona=auditor", "--no-progress", "--no-config", file]
    done = subprocess.run(audit, capture_output=True, text=True, check=False)

    assert "No findings to report." in done.stdout + done.stderr
    assert ("issue_comment" in text) == text.count("zizmor: ignore[dangerous-triggers]") == text.count("zizmor: ignore")


def test_no_other_slug():
    """Every document names the action by its one slug."""
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.*")]
    used = {name for file in documents for name in re.findall(r"uses: ([^\s@]+/ai-dev)@", file.read_text("utf-8"))}

    assert {SLUG} == used
