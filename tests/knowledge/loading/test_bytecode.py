"""Whose bytecode it is, told from functions that the Pythons themselves compiled."""

from __future__ import annotations

import base64

import pytest

from envlock.knowledge.loading.bytecode import family, said

# The first 39 bytes that each Python makes of `lambda x: x * 2.0`, of the same with a variable of
# the function around it, and of `lambda x: tf.abs(x)`.
COMPILED = [
    ("3.6", "4wEAAAAAAAAAAQAAAAIAAABDAAAAcwgAAAB8AGQBFABTACkCTucA"),
    ("3.6", "4wEAAAAAAAAAAQAAAAIAAAATAAAAcwgAAAB8AIgAFABTACkBTqkA"),
    ("3.6", "4wEAAAAAAAAAAQAAAAIAAABDAAAAcwoAAAB0AGoBfACDAVMAKQFO"),
    ("3.7", "4wEAAAAAAAAAAQAAAAMAAABDAAAAcwoAAAB0AKABfAChAVMAKQFO"),
    ("3.8", "4wEAAAAAAAAAAAAAAAEAAAACAAAAQwAAAHMIAAAAfABkARQAUwAp"),
    ("3.9", "4wEAAAAAAAAAAAAAAAEAAAACAAAAEwAAAHMIAAAAfACIABQAUwCp"),
    ("3.10", "4wEAAAAAAAAAAAAAAAEAAAADAAAAQwAAAHMKAAAAdACgAXwAoQFT"),
    ("3.11", "4wEAAAAAAAAAAAAAAAIAAAADAAAA8wwAAACXAHwAZAF6BQAAUwAp"),
    ("3.11", "4wEAAAAAAAAAAAAAAAIAAAATAAAA8w4AAACVAZcAfACJAXoFAABT"),
    ("3.12", "4wEAAAAAAAAAAAAAAAMAAAADAAAA8ywAAACXAHQAAAAAAAAAAABq"),
    ("3.13", "4wEAAAAAAAAAAAAAAAIAAAADAAAA8wwAAACVAFUAUwEtBQAAJAAp"),
    ("3.13", "4wEAAAAAAAAAAAAAAAIAAAATAAAA8w4AAAA+AZUAVQBUAS0FAAAk"),
    ("3.13", "4wEAAAAAAAAAAAAAAAMAAAADAAAA8ywAAACVAFsAAAAAAAAAAABS"),
]
FAMILIES = {
    **dict.fromkeys(["3.6", "3.7"], "3.6 to 3.7"),
    **dict.fromkeys(["3.8", "3.9", "3.10"], "3.8 to 3.10"),
    **dict.fromkeys(["3.11", "3.12"], "3.11 to 3.12"),
    "3.13": "3.13",
}


@pytest.mark.parametrize(("python", "code"), COMPILED)
def test_bytecode_tells_its_pythons(python: str, code: str) -> None:
    found = family(base64.b64decode(code))

    assert found is not None
    assert said(found) == FAMILIES[python]


def test_bytecode_of_a_python_that_is_not_known_tells_nothing() -> None:
    code = bytearray(base64.b64decode(COMPILED[-1][1]))
    code[26] = 128  # another number for RESUME, as each new Python may have

    assert family(bytes(code)) is None


@pytest.mark.parametrize("code", [b"", b"\xe3", b"nonsense" * 8, b"\xe3" * 22])
def test_what_is_no_bytecode_tells_nothing(code: bytes) -> None:
    assert family(code) is None
