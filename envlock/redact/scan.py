"""Secrets in a text: where they are, and the text without them."""

# ruff: noqa: E501 - an expression or a sample reads best whole

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from envlock.redact.assignments import assigned, is_placeholder
from envlock.redact.homes import homes
from envlock.redact.tokens import PHRASES, TOKENS, Rule
from envlock.redact.urls import user_information

__all__ = ["Hit", "clean", "secrets"]

# The comment by which a line says that it only looks like a secret, as detect-secrets has it:
# https://github.com/Yelp/detect-secrets#inline-allowlisting
_ALLOWED = "pragma: allowlist secret"

# Cleaning once changes what stands around the next secret; no text needed more than three rounds.
_ROUNDS = 10


class Hit(NamedTuple):
    """That a secret was found, and where; never the secret."""

    kind: str
    line: int


class _Span(NamedTuple):
    """A piece of text and what is to stand in its place."""

    start: int
    end: int
    kind: str
    dropped: bool = False


def secrets(text: str) -> tuple[Hit, ...]:
    """Each secret in `text`, save those on lines with the comment `pragma: allowlist secret`."""
    hits: list[Hit] = []
    line, counted, end = 1, 0, -1
    allowed = False
    for span in _merged(_secret_spans(text)):
        line += text.count("\n", counted, span.start)
        counted = span.start
        if span.start > end:
            end = _end_of_line(text, span.start)
            allowed = _ALLOWED in text[text.rfind("\n", 0, span.start) + 1 : end]
        if not allowed:
            hits.append(Hit(span.kind, line))
    return tuple(hits)


def clean(text: str) -> str:
    """
    `text` with `<redacted:KIND>` for each secret, no users in URLs and `~` for home folders.

    Only the value is replaced, not its name or its quotes: valid TOML and JSON stay valid. What was
    cleaned is not changed by cleaning it again.
    """
    for _ in range(_ROUNDS):
        cleaned = _clean_once(text)
        if cleaned == text:
            break
        text = cleaned
    return text


def _clean_once(text: str) -> str:
    spans = list(_secret_spans(text))
    spans += [_Span(start, end, "user", dropped=True) for start, end, _ in user_information(text)]
    text = _rewritten(text, [(span.start, span.end, _replacement(text, span)) for span in _merged(spans)])
    return _rewritten(text, [(start, end, "~") for start, end in homes(text, _lowered(text))])


def _rewritten(text: str, changes: list[tuple[int, int, str]]) -> str:
    """`text` with other pieces in some places, which stand in order."""
    pieces: list[str] = []
    done = 0
    for start, end, piece in changes:
        pieces += [text[done:start], piece]
        done = end
    return "".join([*pieces, text[done:]])


# A bare key of TOML: on its own line or in an inline table, before "=" or inside "[...]".
_BEFORE_BARE_KEY = r"(?:^|[\[{,.])[ \t]*[A-Za-z0-9_-]*$"
_AFTER_BARE_KEY = r"[A-Za-z0-9_-]*(?:[ \t]*\.[^\n=]*)?[ \t]*(?:=(?!=)|\])"


def _replacement(text: str, span: _Span) -> str:
    if span.dropped:
        return ""
    near = max(0, span.start - 200)
    line = text[max(near, text.rfind("\n", near, span.start) + 1) : span.start]
    bare = re.search(_BEFORE_BARE_KEY, line) and re.match(_AFTER_BARE_KEY, text[span.end : span.end + 200])
    return f"redacted-{span.kind}" if bare else f"<redacted:{span.kind}>"


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _lowered(text: str) -> str:
    """`text` in small letters, each where it was: only the dotted capital I becomes two characters."""
    return text.lower() if text.isascii() else text.replace("\u0130", "i").lower()


def _merged(spans: Iterator[_Span] | list[_Span]) -> list[_Span]:
    """The same in order, what overlaps as one with the kind of the first."""
    merged: list[_Span] = []
    for span in sorted(spans, key=lambda span: (span.start, span.dropped)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = last._replace(end=max(last.end, span.end), dropped=last.dropped and span.dropped)
        else:
            merged.append(span)
    return merged


def _secret_spans(text: str, depth: int = 0) -> Iterator[_Span]:
    words = "\n".join(filter(None, re.findall(_LONG_WORD, text)))
    lowered = _lowered(text)
    yield from _tokens(text, words)
    yield from _phrases(text, lowered)
    for found in assigned(text, lowered):
        yield _Span(*found)
    for start, end, lets_in in user_information(text):
        if lets_in:
            yield _Span(start, end, "basic-auth", dropped=True)
    if depth < 2 and re.search(_BASE64_WORD, words):
        yield from _encoded(text, depth)


# Every token is longer than twenty characters, and digests are most of what is as long in a lock.
_LONG_WORD = r"[0-9a-f]{64}(?![\w+/-])|([A-Za-z0-9_+/=.~-]{20,})"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# What may stand directly before a token although it is a letter or a figure: an escape in source, in
# JSON or in a URL, a colour, the length of a string in a pickle.
_GLUE = r"(?s)(?:\\[abfnrtv0]|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|%[0-9A-Fa-f]{2}|[\d\[]m|[\x80-\xff].|(?:^|[\n(])[VS])$"


def _tokens(text: str, words: str) -> Iterator[_Span]:
    for rule in TOKENS:
        for keyword in rule.keywords:
            if keyword in words:
                yield from _at_keyword(text, rule, keyword)


def _at_keyword(text: str, rule: Rule, keyword: str) -> Iterator[_Span]:
    pattern = _compiled(rule.pattern)
    at = text.find(keyword)
    while at >= 0:
        match = pattern.match(text, at) if _begins(text, at) else None
        rest = _compiled(r"[\w-]*").match(text, match.end()) if match else None
        end = rest.end() if rest else at + 1
        if match and _is_varied(match[0][len(keyword) :]):
            # What is glued to a token may be the next one.
            yield _Span(match.start(match.lastindex or 0), end, rule.kind)
        at = text.find(keyword, end)


def _begins(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    return not (before.isascii() and before.isalnum()) or bool(re.search(_GLUE, text[max(0, at - 6) : at]))


def _is_varied(secret: str) -> bool:
    """Whether it is more than `xxxxxxxx`."""
    return len(set(secret)) > 4


def _phrases(text: str, lowered: str) -> Iterator[_Span]:
    for rule in PHRASES:
        if any(keyword in (text if keyword.isupper() else lowered) for keyword in rule.keywords):
            for match in _compiled(rule.pattern).finditer(text):
                span = match.span(match.lastindex or 0)
                if _is_meant(rule.kind, text[slice(*span)]):
                    yield _Span(*span, rule.kind)


def _is_meant(kind: str, value: str) -> bool:
    """What the pattern alone cannot say of some kinds."""
    match kind:
        case "private-key":
            return bool(re.search(r"[A-Za-z0-9+/]{16}", value.partition("KEY")[2] or value))
        case "basic-auth":
            return re.fullmatch(rb"[\x20-\x7e]*:[\x20-\x7e]+", _decoded(value)) is not None
        case "command-line-password" | "netrc":
            return not is_placeholder(value) and not re.fullmatch(r"[\d.:/-]+|[a-z]+", value)
        case "bearer-token" | "signed-url" | "authorization":
            return not is_placeholder(value) and any(map(str.isdigit, value)) and _is_varied(value)
        case _:
            return _is_varied(value)


_BASE64_WORD = r"(?m)(?<![A-Za-z0-9+/_-])(?=[a-z0-9+/_-]{0,80}[A-Z])[A-Za-z0-9+/_-]{24,}={0,2}$"
# Also in lines, as `base64.encodebytes` writes them, with line breaks as JSON writes them.
_BASE64 = r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}(?:(?:\\n|\r?\n[ \t]{0,40})[A-Za-z0-9+/_-]{4,}={0,2}(?![\w.+/:-]))*"


def _encoded(text: str, depth: int) -> Iterator[_Span]:
    """Runs of base64 with a secret in what they encode, whole."""
    for match in _compiled(_BASE64).finditer(text):
        content = _decoded(re.sub(r"\\n|\s", "", match[0])).decode("latin-1")
        # Without its zeros, UTF-16 of a secret reads like the secret.
        found = next(_secret_spans(content.replace("\0", ""), depth + 1), None)
        if found:
            yield _Span(*match.span(), found.kind)


def _decoded(value: str) -> bytes:
    """The bytes that base64 encodes; nothing where it is not base64."""
    from base64 import b64decode

    letters = value.rstrip("=").replace("-", "+").replace("_", "/")
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except ValueError:
        return b""
