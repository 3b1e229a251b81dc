"""The action's inputs -> Settings: checked, with every fault named at once."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from .errors import InputError
from .network import read_choice
from .prices import EXAMPLE, Price
from .redaction import one_line


def _number(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("give a whole number, in digits")
    return text


def _dollars(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text):
        raise ValueError("give dollars as a number, such as 2.50")
    return text


def _switch(text: object) -> object:
    if isinstance(text, str) and text.lower() not in ("true", "false"):
        raise ValueError("give true or false")
    return text.lower() == "true" if isinstance(text, str) else text


def _pattern(pattern: str, cure: str) -> AfterValidator:
    """What the whole text must look like; the cure says it in words."""

    def check(text: str) -> str:
        if text and not re.fullmatch(pattern, text):
            raise ValueError(cure)
        return text

    return AfterValidator(check)


def _secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
        raise ValueError("it has blanks, line ends or other characters that no key has: copy it again")
    return value


def _branch(text: str) -> str:
    bad = re.search(r"[\x00-\x20~^:?*\[\\\x7f]|\.\.|@\{|//|/\.|\.lock(/|$)", text)
    if bad or text.startswith(("-", "/", ".")) or text.endswith("."):
        raise ValueError("git does not allow a branch of this name")
    return text


def _branch_prefix(text: str) -> str:
    _branch(text)
    if not text.strip("/") or len(text) > 100 or text.strip("/").lower() in ("main", "master", "refs"):
        raise ValueError("give a prefix for branch names such as ai-dev/")
    return text


def _certificates(text: str) -> str:
    """The certificates in the text, without what stands between them: bundles have comments in any language."""
    found = "\n".join(re.findall(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", text))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ssl.SSLError, TypeError, ValueError) as e:
        raise ValueError("give the certificates themselves, in PEM form (-----BEGIN CERTIFICATE-----)") from e
    return found


_BOTS = 50


def _bots(text: str) -> str:
    """Logins, each once, with a comma and a blank between them."""
    logins = [login.strip() for login in re.split(r"[,\n]", text[:10_000]) if login.strip()]
    if len(text) > 10_000 or len(logins) > _BOTS:
        raise ValueError(f"give at most {_BOTS} logins")
    for login in logins:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?", login):
            raise ValueError(f"{one_line(login, 60)} is no login: name each bot, such as renovate[bot]")
    return ", ".join(dict.fromkeys(logins))


_PATHS = 100


def _paths(text: str) -> str:
    """Paths from the repository's root, one a line; those of folders end with a slash."""
    paths = [path.strip() for path in re.split(r"[,\n]", text[:20_000]) if path.strip()]
    if len(text) > 20_000 or len(paths) > _PATHS:
        raise ValueError(f"give at most {_PATHS} paths")
    for path in paths:
        parts = path.removesuffix("/").split("/")
        if any(part in ("", ".", "..") for part in parts) or re.search(r"[*?\[\]\\:\x00-\x1f]", path):
            raise ValueError(
                f"{one_line(path, 100)} is no path from the repository's root: name each file, such as "
                ".github/workflows/ci.yml, or a folder with a slash behind it; there are no patterns"
            )
    return "\n".join(dict.fromkeys(paths))


SECRETS = ("github_token", "openai_api_key", "e2b_api_key")


def input_name(field: str) -> str:
    """The runner's variable for the input of a field: upper case, with hyphens."""
    return "INPUT_" + field.replace("_", "-").upper()


Number = Annotated[int, BeforeValidator(_number)]
Dollars = Annotated[Decimal, BeforeValidator(_dollars)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Address = Annotated[
    str,
    _pattern(
        r"https?://([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[^\s?#]*)?",
        "give a whole address, from http or https to its host and path",
    ),
    AfterValidator(lambda address: address.rstrip("/")),
]
Secret = Annotated[SecretStr, AfterValidator(_secret)]


class Settings(BaseModel):
    """The inputs as action.yml describes them, each in snake case; an empty input is its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    github_token: Secret
    openai_api_key: Secret
    e2b_api_key: Secret
    label: str = Field("ai-dev", max_length=50)
    allowed_bots: Annotated[str, AfterValidator(_bots)] = ""
    command: Annotated[
        str, _pattern(r"/[A-Za-z0-9][A-Za-z0-9_-]{0,48}", "give a slash and a word behind it, such as /ai-dev")
    ] = "/ai-dev"
    issue_number: Annotated[Number | None, Field(None, ge=1, le=999_999_999)]
    task: str = Field("", max_length=60_000)
    base_branch: Annotated[str, AfterValidator(_branch)] = ""
    allow_paths: Annotated[str, AfterValidator(_paths)] = ""
    branch_prefix: Annotated[str, AfterValidator(_branch_prefix)] = "ai-dev/"
    fetch_depth: Annotated[Number, Field(1, ge=0)]
    model: Annotated[str, _pattern(r"\S{1,200}", "give the name of a model; it has no blanks")] = "gpt-6.2-sol"
    reasoning_effort: Annotated[str, _pattern(r"[a-z]{1,20}", "give a word such as low, medium or high")] = "medium"
    openai_base_url: Address = ""
    e2b_domain: Annotated[str, _pattern(r"[A-Za-z0-9.:-]+", "give a host name such as e2b.example")] = ""
    e2b_api_url: Address = ""
    e2b_sandbox_url: Address = ""
    sandbox_template: Annotated[str, _pattern(r"[A-Za-z0-9._/:-]{1,200}", "give the name or the id of a template")] = ""
    sandbox_network: Annotated[str, AfterValidator(read_choice)] = "auto"
    ca_certificates: Annotated[str, AfterValidator(_certificates)] = ""
    max_turns: Annotated[Number, Field(100, ge=1, le=1000)]
    max_minutes: Annotated[Number, Field(45, ge=1, le=1380)]
    max_cost: Annotated[Dollars | None, Field(None, gt=0)]
    prices: str = ""
    draft: Switch = True
    dry_run: Switch = False

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """The settings in the runner's ``INPUT_*`` variables (hyphens stay in their names).

        Raises InputError with every fault: the input's name, what is wrong and what to give.
        """
        given = {name: value for name in cls.model_fields if (value := environ.get(input_name(name), "").strip())}
        faults = _find_price_faults(given.get("model", cls.model_fields["model"].default), given)
        try:
            settings = cls.model_validate(given)
        except ValidationError as e:
            found = [_fault(error["loc"], error["type"], error["msg"]) for error in e.errors()]
            raise InputError([*found, *faults]) from None
        if faults:
            raise InputError(faults)
        return settings

    @property
    def price(self) -> Price | None:
        """What the model costs; None where that is not known."""
        return Price.of(self.model, self.prices)


def _find_price_faults(model: str, given: Mapping[str, str]) -> list[str]:
    """What is wrong with the prices, and with a limit in dollars where the model has no price."""
    try:
        price = Price.of(model, given.get("prices", ""))
    except ValueError as e:
        return [_fault(("prices",), "", str(e))]
    if price or "max_cost" not in given:
        return []
    return [
        (
            f"`max-cost` needs the prices of the model {one_line(model, 60)}, which are not known here: "
            f"give them in `prices`, in dollars per million tokens, such as `{EXAMPLE}`."
        )
    ]


_SECRET_CURES = {
    "github_token": "give `${{ github.token }}`, or leave it out for that default",
    "openai_api_key": "add a repository secret and pass it: `openai-api-key: ${{ secrets.OPENAI_API_KEY }}`",
    "e2b_api_key": "add a repository secret and pass it: `e2b-api-key: ${{ secrets.E2B_API_KEY }}`",
}


def _fault(place: tuple[int | str, ...], kind: str, message: str) -> str:
    field = str(place[0])
    name = f"`{field.replace('_', '-')}`"
    if kind == "missing":
        return f"{name} is missing: {_SECRET_CURES[field]}."
    said = message.removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ").strip()
    return f"{name} is not valid: {said}."
