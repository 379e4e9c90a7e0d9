"""SavedModel folders: every graph in them, what Keras says of its objects, and the files beside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock.artifacts.protobuf import Fields, Malformed, Message, content, signed
from envlock.inspection import carried
from envlock.inspection import graph as graphs
from envlock.inspection.file_names import Loaded, bound_assets, note_file_names
from envlock.inspection.found import Found, Refused, shown
from envlock.inspection.paths import is_bad_name
from envlock.inspection.strict import MOST_BYTES, parsed
from envlock.values import frozen

__all__ = ["Objects", "configs", "inspect", "refuse_links", "stored"]

_MOST_FILES = 20_000
_MOST_SHAPE = 1 << 33
# Other forms of the graph, which some loaders prefer.
_OTHERS = ("saved_model.pbtxt", "saved_model.cpb")


def stored(path: Path) -> int:
    """The bytes of the variables."""
    folder = path / "variables"
    return sum(item.stat().st_size for item in folder.iterdir() if item.is_file()) if folder.is_dir() else 0


# Where something is said of an object, as what kind of object, and what.
_Said = tuple[str, str, bytes]


@frozen
class Objects:
    """The sizes in the shapes of the variables of a SavedModel, and what Keras says of its objects in it."""

    sizes: frozenset[int]
    said: list[_Said]


def inspect(path: Path, found: Found) -> Objects:
    """Note what the graphs would run, read and allocate, and what lies beside them."""
    for name in _OTHERS:
        if (path / name).exists():
            raise Refused(f"{name} lies beside saved_model.pb, and may be loaded in its place", subject=name)
    try:
        fields = Fields()
        read = list(fields.messages(content(path / "saved_model.pb"), 2))
        if not read:
            raise Refused("saved_model.pb holds no graph")
        said: list[_Said] = []
        sizes = [size for data in read for size in _graph(fields, data, path, found, said)]
    except Malformed as error:
        raise graphs.refuse_malformed(error) from None
    for file in _others(path):
        carried.note(file, 0, file.stat().st_size, file.relative_to(path).as_posix(), found)
    return Objects(frozenset(sizes), said)


def _others(path: Path) -> Iterator[Path]:
    """Every file but the graph, what Keras says of it, and its variables."""
    for file in sorted(path.rglob("*")):
        own = file.relative_to(path).parts
        if (
            file.is_file()
            and own[0] != "variables"
            and own not in {("saved_model.pb",), ("keras_metadata.pb",)}
        ):
            yield file


def _graph(fields: Fields, data: Message, path: Path, found: Found, said: list[_Said]) -> list[int]:
    parts = fields.several(data, (2, 3, 7))
    graph = graphs.read(fields, parts[2])
    if not graph.main.nodes:
        raise Refused("saved_model.pb holds a graph without nodes")
    assets = [(_tensor(fields, item), fields.text(item, 2)) for item in fields.messages(data, 6)]
    _assets([name for _, name in assets], path, found)
    graphs.note_operations(graph, found)
    listed = fields.all(parts[7], (1, 2))
    files, sizes = _objects(fields, listed[1], found, said)
    bound: dict[str, list[list[bool]]] = {}
    for entry in listed[2]:
        function = fields.message(entry, 2)
        bound.setdefault(fields.text(entry, 1), []).append(bound_assets(fields, files, function))
    loaded = Loaded(
        bound=bound,
        assets=frozenset(tensor for tensor, _ in assets),
        placeholder=fields.text(parts[3], 1).partition(":")[0],
    )
    note_file_names(graph, loaded, found)
    return sizes


def _tensor(fields: Fields, asset: Message) -> str:
    return fields.text(fields.message(asset, 1), 1).partition(":")[0]


def _assets(names: list[str], path: Path, found: Found) -> None:
    for name in names:
        if is_bad_name(name) or name.startswith("~"):
            found.hazard("EL612", shown(name), f"the asset {shown(name)} leads out of the model's folder")
        elif not (path / "assets" / name).is_file():
            raise Refused(f"the asset {shown(name)} is not there", subject=shown(name))


def _objects(
    fields: Fields, objects: list[Message], found: Found, said: list[_Said]
) -> tuple[frozenset[int], list[int]]:
    """Which objects are assets, and the sizes in the shapes of variables; one is made before it is filled."""
    assets, sizes = set(), []
    for place, item in enumerate(objects):
        if b"_tf_keras_" in bytes(item):
            said += _of_keras(fields, fields.message(item, 4), place)
        parts = fields.all(item, (5, 7))
        if parts[5]:
            assets.add(place)
        for value in parts[7]:
            declared = 1
            for size in fields.messages(fields.message(value, 2), 2):
                length = signed(fields.number(size, 1))
                sizes.append(length)
                declared *= max(1, length)
            if declared > _MOST_SHAPE:
                name = shown(fields.text(value, 6))
                found.hazard("EL614", name, f"the variable {name} has {declared} elements")
    return frozenset(assets), sizes


def configs(path: Path, said: list[_Said]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What Keras says of each object, by its path: inside the graph, as `said`, and beside it."""
    try:
        beside = path / "keras_metadata.pb"
        rows = said + (list(_beside(beside)) if beside.is_file() else [])
    except Malformed as error:
        raise Refused(f"what Keras says of its objects is damaged: {error}") from None
    left, met = MOST_BYTES, set[str]()
    for where, identifier, text in rows:
        if where in met:
            raise Refused(f"Keras says two things of {shown(where)} in it")
        met.add(where)
        left -= len(text)
        if left < 0:
            raise Refused(f"what Keras says of its objects is longer than {MOST_BYTES} bytes", code="EL602")
        if not identifier.startswith("_tf_keras_"):
            raise Refused(f"{shown(where)} is of the kind {shown(identifier)}, which Keras does not write")
        yield where, parsed(text, f"what is said of {shown(where)}")


def _beside(file: Path) -> Iterator[_Said]:
    fields = Fields()
    for node in fields.messages(content(file), 1):
        texts = fields.texts(node, (3, 4))
        metadata = b""
        for number, value in fields.of(node):
            if number == 5 and not isinstance(value, int):
                metadata = bytes(value)
        yield texts[3], texts[4], metadata


def _of_keras(fields: Fields, user: Message, place: int) -> Iterator[_Said]:
    """What stands in an object of the graph itself, as up to TensorFlow 2.4."""
    held = fields.texts(user, (1, 3))
    if held[3] and held[1].startswith("_tf_keras_"):
        yield f"object {place}", held[1], held[3].encode()


def refuse_links(path: Path) -> None:
    """Refuse a folder with anything but folders and plain files."""
    counted = 0
    for place, folders, files in os.walk(path, followlinks=False):
        for name in (*folders, *files):
            counted += 1
            item = Path(place, name)
            if item.is_symlink() or not (item.is_dir() or item.is_file()):
                raise Refused(f"{shown(name)} is a link or no plain file", subject=shown(name))
        if counted > _MOST_FILES:
            raise Refused(f"the folder holds more than {_MOST_FILES} files", code="EL602")
