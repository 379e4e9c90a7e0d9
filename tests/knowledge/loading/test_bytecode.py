"""Whose bytecode it is, told from functions that the Pythons themselves compiled."""

from __future__ import annotations

import base64

import pytest

from envlock.knowledge.loading.bytecode import family, is_mixed, said

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


# The instructions of whole functions: what is called, compared, looked for and looped over.
WHOLE = {
    "3.8 in": "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMIAAAAfABkAWsGUwA=",
    "3.8 sum": "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMMAAAAfABkARQAZAIXAFMA",
    "3.9 in": "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMIAAAAfABkAXYAUwA=",
    "3.9 loop": "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAHMOAAAAZAFkAoQAZANEAIMBUwA=",
    "3.10 loop": "4wEAAAAAAAAAAAAAAAEAAAACAAAAUwAAAPMOAAAAZAFkAoQAZANEAIMBUwA=",
    "3.11 call": "4wEAAAAAAAAAAAAAAAQAAAATAAAA8yIAAACXAHQBAAAAAAAAAAAAAHwAZAGmAgAAqwIAAAAAAAAAAFMA",
    "3.11 comparison": "4wEAAAAAAAAAAAAAAAIAAAATAAAA8w4AAACXAHwAZAFrBAAAAABTAA==",
    "3.11 sum": "4wEAAAAAAAAAAAAAAAIAAAATAAAA8xIAAACXAHwAZAF6BQAAZAJ6AAAAUwA=",
    "3.12 call": "4wEAAAAAAAAAAAAAAAQAAAATAAAA8xoAAACXAHQBAAAAAAAAAAB8AGQBqwIAAAAAAABTAA==",
    "3.12 comparison": "4wEAAAAAAAAAAAAAAAIAAAATAAAA8wwAAACXAHwAZAFrRAAAUwA=",
}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("3.11 call", "3.11"),
        ("3.12 call", "3.12"),
        ("3.11 sum", "3.11 to 3.12"),
        ("3.12 comparison", "3.11 to 3.12"),
    ],
)
def test_a_call_tells_which_of_two_pythons_it_is(function: str, expected: str) -> None:
    found = family(base64.b64decode(WHOLE[function]))

    assert found is not None
    assert said(found) == expected


@pytest.mark.parametrize(
    ("function", "here", "expected"),
    [
        ("3.8 in", (3, 9), True),
        ("3.8 in", (3, 8, 18), False),
        ("3.8 sum", (3, 9), False),
        ("3.8 sum", (3, 10), False),
        ("3.9 in", (3, 8), True),
        ("3.9 in", (3, 10), False),
        ("3.9 loop", (3, 8), False),
        ("3.9 loop", (3, 10), True),
        ("3.10 loop", (3, 9), True),
        ("3.10 loop", (3, 11), False),
        ("3.11 comparison", (3, 12), True),
        ("3.12 comparison", (3, 11), True),
        ("3.11 sum", (3, 12), False),
        ("3.11 sum", (3, 13), False),
    ],
)
def test_pythons_that_read_the_same_do_not_all_run_it(
    function: str, here: tuple[int, ...], expected: bool
) -> None:
    first, _, minor = function.partition(" ")[0].partition(".")

    assert is_mixed(base64.b64decode(WHOLE[function]), (int(first), int(minor)), here) is expected


@pytest.mark.parametrize("written", [(), (3,), (2, 7)])
def test_without_the_python_that_wrote_it_nothing_is_mixed(written: tuple[int, ...]) -> None:
    assert not is_mixed(base64.b64decode(WHOLE["3.9 loop"]), written, (3, 10))


@pytest.mark.parametrize("code", [b"", b"\xe3", b"nonsense" * 8, b"\xe3" * 22])
def test_what_is_no_bytecode_is_not_mixed(code: bytes) -> None:
    assert not is_mixed(code, (3, 9), (3, 10))
