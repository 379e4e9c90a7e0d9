"""What holds for every text and every data that is cleaned."""

from __future__ import annotations

import json
import sys
from typing import Any

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envlock.redact import clean, clean_data, one_line, secrets, visible

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

settings.register_profile("redact", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("redact")

ISSUED = "a7Qx9Zb3Kd5Lm8Np2Rs4Tv6Wy1Yc0Ef7Gh9Jk"
SECRETS = (
    "ghp" + "_" + ISSUED,
    "AKIA" + "QZ3X5Y7W2V4U6T3S",
    "https://me:" + ISSUED + "@host/x",
    "password = '" + ISSUED + "'",
    "Password=" + ISSUED + ";",
    "-----BEGIN " + "PRIVATE KEY-----\n" + ISSUED + "\n-----END PRIVATE KEY-----",
    "https://host/x?sig=" + ISSUED,
    '{"token": "' + ISSUED + '"}',
    "/home/bob/x",
    "C:\\Users\\bob",
)
PIECES = st.sampled_from(
    [
        *SECRETS,
        "password",
        "token",
        "=",
        ":",
        '"',
        "'",
        "\\",
        "\n",
        " ",
        "<redacted:token>",
        "~",
        "key",
        "://",
        "@",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=4), max_size=8).map("".join)
# TOML has no surrogates, and its writer no carriage returns in names.
WRITABLE = st.lists(
    PIECES | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4), max_size=5
).map(" ".join)
NAMES = st.sampled_from(["a", "password", "api_key", "token", "client-secret", "name", SECRETS[0]]) | WRITABLE
LEAVES = (
    WRITABLE | st.integers(-(2**60), 2**60) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
TABLES = st.dictionaries(NAMES, DATA, max_size=4)


@given(TEXTS)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(TEXTS)
def test_what_is_clean_has_no_secret(text: str) -> None:
    assert secrets(clean(text)) == ()


@given(TABLES)
def test_cleaning_data_twice_is_cleaning_it_once(data: dict[str, Any]) -> None:
    assert clean_data(clean_data(data)) == clean_data(data)


@given(TABLES)
def test_cleaned_json_is_json(data: dict[str, Any]) -> None:
    for indent, ascii_only in ((None, True), (2, False)):
        assert isinstance(json.loads(clean(json.dumps(data, indent=indent, ensure_ascii=ascii_only))), dict)


@given(
    st.dictionaries(st.sampled_from(["a", "password", "api_key", "token", "client-secret"]), DATA, max_size=4)
)
def test_cleaned_toml_is_toml(data: dict[str, Any]) -> None:
    assert isinstance(tomllib.loads(clean(tomli_w.dumps(_unkeyed(data)))), dict)


def _unkeyed(data: Any) -> Any:
    """The same without secrets as keys: two of them would become one."""
    match data:
        case dict():
            return {key: _unkeyed(value) for key, value in data.items() if clean(key) == key}
        case list():
            return [_unkeyed(value) for value in data]
        case _:
            return data


@given(TABLES)
def test_what_data_was_cleaned_of_no_writer_brings_back(data: dict[str, Any]) -> None:
    cleaned = clean_data(data)

    assert ISSUED not in json.dumps(cleaned)


@given(st.text())
def test_what_is_shown_obeys_nobody(text: str) -> None:
    assert visible(visible(text)) == visible(text)
    assert len(one_line(text).splitlines()) <= 1
