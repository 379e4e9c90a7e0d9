"""URLs without what lets somebody in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from envlock.redact.assignments import is_placeholder

__all__ = ["UNPARSABLE", "clean_url", "user_information"]

UNPARSABLE = "<redacted:url>"

_USER = (
    r":(?:\\*/){2}(?P<user>[^\s/@\"'<>?#\\`]{1,512}(?:@[^\s/@\"'<>?#\\`]{1,512}){0,3})@(?=[A-Za-z0-9\[$%{<_])"
)
_KEPT = ("sha256=", "sha512=", "subdirectory=", "egg=")


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(_USER)


def user_information(text: str) -> Iterator[tuple[int, int, bool]]:
    """
    Where URLs in `text` name a user, the "@" included, and whether that lets somebody in.

    A name alone does not, unless it is as long as a token; `git@` and `${USER}:${TOKEN}@` say nothing
    of anybody and are not given.
    """
    for separator in ("://", ":\\/\\/"):
        at = text.find(separator)
        while at >= 0:
            match = _pattern().match(text, at) if at and text[at - 1].isalnum() else None
            if match and match["user"] != "git" and not _is_variable(match["user"]):
                yield match.start("user"), match.end("user") + 1, _lets_in(match["user"])
            at = text.find(separator, match.end() if match else at + 1)


def _is_variable(user: str) -> bool:
    return all(part and part[0] in "$%{" and is_placeholder(part) for part in user.split(":", 1))


def _lets_in(user: str) -> bool:
    name, colon, password = user.partition(":")
    if colon and password:
        return not is_placeholder(password)
    return (
        len(name) >= 20
        and any(map(str.isdigit, name))
        and any(map(str.isalpha, name))
        and not is_placeholder(name)
    )


def clean_url(url: str) -> str:
    """
    `url` with scheme, host, port and path only; `<redacted:url>` where it cannot be read as one.

    Of the query and the fragment, digests, `subdirectory` and `egg` stay. The user is dropped, save
    for `git` of ssh, without which the URL would not work and which names nobody. Of a `file:` URL
    only the last part of its path stays.
    """
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url.strip())
        host = _host(parts.hostname, parts.port)
    except ValueError:
        return UNPARSABLE
    path = parts.path
    if parts.scheme == "file":
        *above, last = re.split(r"[/\\]|%2[Ff]|%5[Cc]", path.rstrip("/\\"))
        is_home = bool(above) and above[-1].lower() in {"home", "users"}
        host, path = "", "/" if is_home else f"/{last}"
    elif not parts.scheme or not host:
        return UNPARSABLE
    elif parts.username == "git" and parts.scheme.rpartition("+")[2] == "ssh":
        host = f"git@{host}"
    return urlunsplit((parts.scheme, host, path, _kept(parts.query), _kept(parts.fragment)))


def _host(name: str | None, port: int | None) -> str:
    host = f"[{name}]" if name and ":" in name else name or ""
    return host if port is None else f"{host}:{port}"


def _kept(fields: str) -> str:
    return "&".join(field for field in fields.split("&") if field.startswith(_KEPT))
