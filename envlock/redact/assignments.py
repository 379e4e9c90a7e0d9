"""Secrets that are known by the name they are given to: `password = "..."` in any notation."""

# ruff: noqa: E501 - an expression or a sample reads best whole

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

__all__ = ["assigned", "is_placeholder", "is_secret", "kind_of_key"]

# One of these stands in every name that matters.
_KEYWORDS = ("pass", "pwd", "secret", "token", "key", "credential")

_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

# What a name ends with, and the kind of secret that it then names. Words are joined by "_".
_KINDS = (
    ("password", r"(?:password|passwd|passphrase|passcode|passwort|pwd)s?$"),
    (
        "password",
        (
            r"(?:^|_)(?:user|db|database|my_?sql|postgres|pg|smtp|mail|email|ftp|sftp|ssh|redis|rabbitmq|mqtt|admin|root"
            r"|login|auth|proxy|http|https|basic|registry|docker|nexus|sql|ldap|keystore|store|key|cert|wifi|vpn)_?pass$|^pass$"
        ),
    ),
    ("secret", r"secrets?$|secret_(?:id|string|text)$|(?:^|_)credentials?$"),
    (
        "api-key",
        (
            r"(?:^|_|x|my|the)(?:api|app|application|access|secret|private|account|auth|authentication|authorization|encryption"
            r"|decryption|signing|signature|master|shared|shared_?access|storage|service|subscription|license|deploy|consumer"
            r"|client|customer|kaggle|wandb|openai|anthropic|azure|aws|gcp|google|cohere|mistral|comet|neptune|datadog|dd"
            r"|mailgun|mailchimp|sendgrid|stripe|twilio|github|gitlab|hf|heroku|cloudflare|session|jwt|hmac|aes|rsa|ssh"
            r"|ssl|tls|fernet|webhook|write|admin|integration|instrumentation|ingest)_?keys?$"
            r"|(?:api|account|access|secret|private)keys?$|secret_key_base$"
        ),
    ),
    (
        "token",
        (
            r"(?:^|_|[a-z](?=access|auth|api|oauth))(?:access|auth|api|bearer|refresh|id|session|security|personal|private|deploy|bot|oauth2?|user|app"
            r"|application|client|service|jwt|webhook|csrf|xsrf|registry|vault|github|gh|gitlab|gl|hf|hub|huggingface|slack"
            r"|npm|pypi|pip|twine|ci|sonar|snyk|codecov|telegram|discord|wandb|neptune|comet|replicate|kaggle|dagshub|mlflow"
            r"|databricks|azure|aws|gcp|google|docker|git|upload|publish|admin|root|login|account|secret|job|index|feed"
            r"|artifactory|nexus|conda|anaconda|jupyter|notebook|influx|influxdb|cloudflare|digitalocean|heroku|linode|sentry)_?tokens?$"
            r"|^tokens?$"
        ),
    ),
)

# A name may say in the end how or where the secret is kept.
_SUFFIX = (
    r"(?:_(?:b64|base64|value|plain|plaintext|prod|production|staging|dev|live|old|new))?(?:_?\d{1,2})?$"
)
_CAMEL = r"(?<=[a-z0-9])(?=[A-Z])"

_PLACEHOLDER = (
    r"(?is)<.*|\$\{.*|\$\(.*|\$[A-Za-z_]\w*|%\(.*|%[A-Za-z_]\w*%|%[sdr]|\{\{.*|\{[^{}]*\}?|\[.*\]?|\*{3,}.*|x{4,}.*|\.{2,}.*|…|-+|_+|#+"
    r"|(?:ENC|vault|env|file|secret|ssm|arn|sha\d+|md5|sha256):.*|\w*(?:getenv|environ|getpass)\b.*|!\w+"
    r"|(?:your|enter|insert|replace|change|choose|put|set|fill|add|provide|type)[_\- ]?(?:this|it|me|your|the|my|in|an?|here|with)?(?:[_\- .].*)?"
    r"|(?:my|the|some|an?|user|test|new|old|current|confirm|default|db|database|root|admin|api|access|auth|secret|private|client|app)?[_\- ]?"
    r"(?:pass|passwd|password|passphrase|pwd|pw|secret|token|key|credentials?)s?(?:[_\- ]?(?:here|value|field|input|text|name|id|env|var))?"
    r"|none|null|nil|undefined|true|false|empty|placeholder|redacted|masked|hidden|removed|omitted|example|dummy|fake|sample"
    r"|foo|bar|foobar|todo|tbd|n/?a|test|testing|string|str|text|bytes|int|float|bool|object|required|optional|unknown|any|(.)\1*"
)
# Names, dotted names, short paths, versions: words with a small number behind them at most.
_WORDS = r"[A-Za-z]*\d{0,3}(?:[_.\-/:][A-Za-z]*\d{0,3})*"
_WORDS_WITH_KEYWORD = (
    r"(?i)(?=.*(?:pass|pwd|secret|token|key|credential))(?:[a-z]+|[a-z]*\d{0,3}(?:[_.\-/][a-z]*\d{0,3})+)"
)
_PATH = r"(?:~|\.{1,2})?/[\w.\-]+(?:/[\w.\-]+)*/?|[A-Za-z]:\\.*"
_OPAQUE = r"[A-Za-z0-9_\-./+=~:%|!@#$^&*\\]+"


class _Found(NamedTuple):
    """A value with its place in the text."""

    start: int
    end: int
    kind: str


@cache
def _pattern() -> re.Pattern[str]:
    """
    The rest of a name, what joins it to its value, and the value.

    Values are quoted (also with the escaped quotes of source inside JSON) or bare to the next blank.
    """
    return re.compile(
        r"""
        (?P<rest>[A-Za-z0-9_.\-]{0,24})
        (?P<close>\\*["'`]?)[\])]?
        (?:\s?:\s?[A-Za-z_][\w.\[\], |]{0,40}(?=\s?=[^=]))?                     # an annotation
        (?:
          (?P<join>\s{0,8},?(?:\s|\\n){0,60}-?\\*["']?(?:value|default)\\*["']?\s{0,4}[:=]\s{0,8}|
             \s{0,8}(?:=>|:=|[=!]=|[=:,(]|\\u003[Dd])\s{0,60}[(\[]?\s{0,60}|[ \t]{1,4})
          [rRbBuUfF]{0,2}(?P<quote>\\+["']|\"""|'''|["'`])
          (?P<quoted>(?:(?!(?P=quote))(?:\\(?!'[ \t]*(?:[,}\]\#\n]|\Z))[^\n]|[^\\\n]
                      |\\(?='[ \t]*(?:[,}\]\#\n]|\Z)))){1,4096})
          (?=(?P=quote)|\n|\Z)
        |
          (?P<bare_join>[ \t]{0,16}(?:=>|:=|[=!]=|[=:>]|%3[Dd]|\\u003[Dd])[ \t]{0,16}|[ \t]{1,4}|
             (?:\s|\\n){1,60}value:[ \t]{1,8}|\x94\x8c.)
          (?P<bare>[^\s"'`,;&()\[\]{}<>|\\\x94]{6,256})(?![(\[{])
        )
        """,
        re.VERBOSE,
    )


@lru_cache(maxsize=4096)
def kind_of_key(key: str) -> str | None:
    """The kind of secret that a name says it holds, `None` for every other name."""
    words = re.sub(_CAMEL, "_", key).lower().replace("-", "_").replace(".", "_").replace(" ", "_").strip("_")
    words = re.sub(_SUFFIX, "", words, count=1)
    return next((kind for kind, ending in _KINDS if re.search(ending, words)), None)


def is_placeholder(value: str) -> bool:
    """Whether a value only stands where a secret would: `${TOKEN}`, `<token>`, `****`, `changeme`."""
    return re.fullmatch(_PLACEHOLDER, value.strip()) is not None


def is_secret(kind: str, value: str) -> bool:
    """Whether what is given to a name of this kind is a secret, and not a placeholder, a word or a path."""
    value = value.strip()
    if (
        len(value) < 6
        or "://" in value
        or is_placeholder(value)
        or (re.fullmatch(_PATH, value) and not _is_mixed(value))
    ):
        return False
    if kind == "password":
        return value.count(" ") < 2 and not re.fullmatch(_WORDS_WITH_KEYWORD, value)
    return _is_opaque(kind, value)


def _is_opaque(kind: str, value: str) -> bool:
    """Whether it reads like something issued: no words, at least a letter and a figure."""
    if len(value) < {"secret": 8, "api-key": 12}.get(kind, 16) or not re.fullmatch(_OPAQUE, value):
        return False
    single_word = value.isalnum() and kind != "token"
    return _has_both(value) and (single_word or not re.fullmatch(_WORDS, value))


def _has_both(value: str) -> bool:
    return any(character.isdigit() for character in value) and any(character.isalpha() for character in value)


def _is_mixed(value: str) -> bool:
    """Forty characters of base64 that happen to begin with a slash: half of an AWS key pair."""
    return len(value) == 40 and _has_both(value) and value.lower() != value and "." not in value


def assigned(text: str, lowered: str) -> Iterator[_Found]:
    """Each secret in `text` that is given to a name; `lowered` is the same text in small letters."""
    for keyword in _KEYWORDS:
        at = lowered.find(keyword)
        while at >= 0:
            end = at + len(keyword)
            match = _pattern().match(text, end)
            found = match and _judged(text, at, match)
            if found:
                yield found
                end = found.end
            elif match:
                end = match.end("rest")
            at = lowered.find(keyword, end)


def _judged(text: str, at: int, match: re.Match[str]) -> _Found | None:
    start = _start_of_name(text, at)
    name = text[start : match.end("rest")]
    kind = kind_of_key(name.strip("-_."))
    if kind is None or not _is_joined(text, start, match):
        return None
    group = "quoted" if match["quoted"] else "bare"
    value = match[group]
    if group == "bare":
        value = value.rstrip(".:")
        if not _is_bare_secret(text, start, kind, value, match):
            return None
    elif not is_secret(kind, value) or (
        match["join"].strip(" \t\n([") == "," and not _is_opaque("api-key", value)
    ):
        return None
    start = match.start(group)
    return _Found(
        start, _end_of_bare(text, start + len(value)) if group == "bare" else start + len(value), kind
    )


def _end_of_bare(text: str, end: int) -> int:
    """Where a bare value ends that is longer than what was looked at."""
    match = re.compile(r"[^\s\"'`,;&()\[\]{}<>|\\\x94.:]*").match(text, end)
    return match.end() if match else end


def _start_of_name(text: str, at: int) -> int:
    before = text[max(0, at - 64) : at]
    start = at - (len(before) - len(before.rstrip(_NAME)))
    # The "n" of a line break that JSON wrote as two characters is not part of the name.
    return start + 1 if start and text[start - 1] == "\\" and start < at else start


def _is_joined(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether name and value belong together: a comma only joins two quoted, a blank only behind `--`."""
    join = (match["join"] if match["quoted"] else match["bare_join"]) or ""
    quoted_name = bool(match["close"])
    if match["quoted"] and match["quoted"].lstrip()[:1] in {":", ",", "}", "]"}:
        return False  # that quote ended the text in which the name stood last
    if not join.strip():
        return text.startswith("--", start) and not quoted_name
    if join.strip(" \t\n([") in {",", ""}:
        return quoted_name and match["quoted"] is not None and join.lstrip().startswith(",")
    if join.strip() == ">":
        return start > 0 and text[start - 1] == "<"
    return True


def _is_bare_secret(text: str, start: int, kind: str, value: str, match: re.Match[str]) -> bool:
    """
    The same for a value without quotes, which may be a piece of a program or of a sentence.

    Numbers, dates and words of TOML and JSON stay whatever their name: they are not strings there.
    """
    if is_placeholder(value) or not is_secret(kind, value):
        return False
    before = text[max(0, start - 1) : start]
    option = text.startswith("--", start) or before in {";", "?", "&"}
    shell = option or bool(
        re.search(
            r"(?:^|[\n;]|\\n)[ \t]*(?:export|set|setx|ENV|ARG|-e|--env)[ \t]+$",
            text[max(0, start - 24) : start],
        )
    )
    tight = match["bare_join"] in {"=", "%3D", "%3d"} and match.string[start : match.end("rest")].isupper()
    if re.fullmatch(r"[+-]?(?:[\d_.:TZeE+\-]+|0[xob][0-9A-Fa-f_]+|inf|nan)", value):
        return shell and len(value) >= 6
    if kind != "password":
        return len(value) >= 12
    if value.isalpha() or not _has_figure_or_sign(value):
        return (shell and match["bare_join"].strip() != "") or tight
    return not re.fullmatch(_WORDS, value) or (value.isalnum() and len(value) >= 8) or tight


def _has_figure_or_sign(value: str) -> bool:
    return not re.fullmatch(r"[A-Za-z_.\-/:]*", value)
