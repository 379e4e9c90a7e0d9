"""Protocol buffers by hand: fields are pairs of a number and a value."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "int | str | bytes | list[Field]"
Field: TypeAlias = "tuple[int, Value]"


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(*fields: Field) -> bytes:
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
            continue
        data = message(*value) if isinstance(value, list) else value
        data = data.encode("utf-8") if isinstance(data, str) else data
        out += varint(number << 3 | 2) + varint(len(data)) + data
    return bytes(out)


def entries(number: int, mapping: dict[str, bytes]) -> list[Field]:
    """A map field."""
    return [(number, message((1, key), (2, value))) for key, value in mapping.items()]
