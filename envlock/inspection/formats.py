"""The inspection of a saved model of any format, told by its first bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from envlock.artifacts.config import Custom, inventory
from envlock.artifacts.reading import shortened
from envlock.facts import Content, Maybe, Unknown
from envlock.inspection import hdf5, keras_archive, numpy_file
from envlock.inspection.found import Found, Refused, shown
from envlock.inspection.once import fresh
from envlock.inspection.own import tables
from envlock.inspection.strict import parsed
from envlock.inspection.tree import Model, walk
from envlock.inspection.values import Inspection
from envlock.inspection.weights import needed
from envlock.values import replace

__all__ = ["inspect"]

# What the model was compiled with, apart from the rest.
_TRAINING = "training"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_BEGINNING = 70 << 10
_MOST_END = 70 << 10
_FREE = 1 << 24
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,4}){1,3}(?:[a-z.]{1,5}\d{0,8})?\Z")


def inspect(path: Path, *, keras: str | None = None) -> Inspection:
    """
    What loading this saved model would run, read or allocate, from its bytes alone.

    `keras` is the version of Keras that wrote it, for files that do not say.
    """
    found = Found()
    try:
        _inspect(path, keras, found)
    except Refused as error:
        found.refused(error, path.name)
    except OSError as error:
        found.hazard("EL602", path.name, f"{path.name} cannot be read: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - a crafted file that confuses us is not a clean one
        found.hazard("EL602", path.name, f"{path.name} could not be inspected: {shown(shortened(error))}")
    return found.inspection()


def _inspect(path: Path, keras: str | None, found: Found) -> None:
    if path.is_dir():
        from envlock.inspection import saved_model  # half of what is inspected is in one file

        saved_model.refuse_links(path)
        if any((path / name).exists() for name in ("saved_model.pb", "saved_model.pbtxt", "saved_model.cpb")):
            if (path / "config.json").exists():
                raise Refused(f"{path.name} is a SavedModel and an unpacked .keras archive at once")
            _saved_model(path, keras, found)
        elif (path / "config.json").is_file():
            _archive(keras_archive.folder(path, found), keras, found)
        else:
            raise Refused(f"{path.name} is no folder that Keras or TensorFlow saves", code="EL602")
        return
    if not path.is_file():
        raise Refused(f"{path.name} is no file", code="EL602")
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_BEGINNING)
    if head.startswith(_ZIP):
        _zip(path, size, keras, found)
    elif head.startswith(_HDF5):
        _hdf5(path, size, keras, found)
    elif head.startswith(numpy_file.MAGIC):
        numpy_file.array(head, size, path.name, found)
    elif numpy_file.is_pickle(head):
        found.hazard("EL605", path.name, f"{path.name} is a pickle; reading it runs what it says")
    else:
        raise Refused(f"{path.name} is of no format that Keras saves", code="EL602")


def _zip(path: Path, size: int, keras: str | None, found: Found) -> None:
    if path.suffix.lower() in {".h5", ".hdf5"}:
        raise Refused(f"{path.name} is a zip archive under the name of an HDF5 file")
    if path.suffix.lower() in {".npz", ".npy"} or keras_archive.holds_arrays(path, size):
        keras_archive.arrays(path, 0, size, path.name, found)
    else:
        _archive(keras_archive.archive(path, size, found), keras, found)


def _archive(held: keras_archive.Held, keras: str | None, found: Found) -> None:
    """The settings of a `.keras` archive, packed or not."""
    stated = held.metadata.get("keras_version")
    version = _version(stated) or keras
    compiled = held.config.get("compile_config")
    parts = {"": {key: value for key, value in held.config.items() if key != "compile_config"}}
    parts |= {_TRAINING: {"": compiled}} if compiled is not None else {}
    _settings(parts, compiled, version, found, assets=held.assets, stored=held.stored, sizes=held.sizes)


def _hdf5(path: Path, size: int, keras: str | None, found: Found) -> None:
    _refuse_two_formats(path, size)
    seen = hdf5.arrays(path, 0, size, found, subject=path.name)
    texts = seen.texts
    parts = {
        key: parsed(texts[key].encode("utf-8", "surrogatepass"), f"{key} in {path.name}")
        for key in ("model_config", "training_config")
        if key in texts
    }
    version = _version(texts.get("keras_version")) or keras
    if parts:
        config, compiled = parts.get("model_config", {}), parts.get("training_config")
        _settings(
            {"": config, _TRAINING: compiled or {}}, compiled, version, found, stored=size, sizes=seen.sizes
        )


def _refuse_two_formats(path: Path, size: int) -> None:
    """An HDF5 file that ends as a zip archive does is one to some loaders and the other to others."""
    with path.open("rb") as file:
        file.seek(max(0, size - _MOST_END))
        if b"PK\x05\x06" in file.read():
            import zipfile

            if zipfile.is_zipfile(path):
                raise Refused(f"{path.name} is an HDF5 file and a zip archive at once")


def _saved_model(path: Path, keras: str | None, found: Found) -> None:
    from envlock.inspection import saved_model

    objects = saved_model.inspect(path, found)
    parts = dict(saved_model.configs(path, objects.said))
    root = parts.get("root", {})
    version = _version(root.get("keras_version")) or keras
    compiled = root.get("training_config")
    _settings(parts, compiled, version, found, stored=saved_model.stored(path), sizes=objects.sizes)


def _settings(
    parts: dict[str, dict[str, Any]],
    compiled: object,
    version: str | None,
    found: Found,
    *,
    stored: int,
    sizes: frozenset[int],
    assets: frozenset[str] = frozenset(),
) -> None:
    """What the configurations of a model name, at any depth, and what they ask for."""
    model = Model(own=tables(version), assets=assets, stored=stored)
    whole: dict[str, Any] = {}
    elsewhere: frozenset[str] = frozenset()
    for where, part in sorted(fresh(parts), key=lambda item: item[0] == _TRAINING):
        elsewhere = found.asked if where != _TRAINING else elsewhere
        walk(part, model, found, owner=where or "the model")
        elsewhere = found.asked if where != _TRAINING else elsewhere
        if part is parts[where]:
            whole[where] = part
            _weights(part, stored, sizes, found)
    config = parts.get("root", next(iter(parts.values()), {}))
    others = {key: part for key, part in whole.items() if key not in {"", "root", _TRAINING}}
    settings = compiled if isinstance(compiled, dict) and compiled else None
    content = Content(config=config, compile_config=settings, parts=others)
    named = _ask(inventory(content, keras_version=version), found)
    if named and settings:  # without what it was compiled with the rest is seen
        named = _ask(inventory(replace(content, compile_config=None), keras_version=version), found)
    elsewhere |= named
    found.settings = found.asked - elsewhere


def _weights(part: dict[str, Any], stored: int, sizes: frozenset[int], found: Found) -> None:
    """All weights that the settings ask for are stored; where nothing tells how large one is, it must be."""
    asked = needed(part)
    if asked.elements > max(_FREE, 2 * stored):
        told = f"its layers ask for {asked.elements} weights, with {stored} bytes of weights stored"
        found.hazard("EL614", "the model", told)
    for layer, size in asked.unsized:
        if not sizes & {size, 3 * size, 4 * size, size - size // 2}:
            told = f"{layer} asks for weights of a size that nothing tells, and none are stored for it"
            found.hazard("EL614", layer, told)


def _is_class(item: Custom) -> bool:
    """Whether what the walk met is made an object of; a text alone may stand for either."""
    return not item.is_function and item.module is not None


def _ask(listed: Maybe[Any], found: Found) -> frozenset[str]:
    """Note what an inventory lists; the names."""
    if isinstance(listed, Unknown):
        raise Refused(f"the settings could not be read: {listed.reason}", code="EL602")
    for item in listed.custom:
        found.ask(item.name, item.module, item.asked_by, is_class=_is_class(item))
    return frozenset(shown(item.name) for item in listed.custom)


def _version(stated: object) -> str | None:
    return stated if isinstance(stated, str) and _VERSION.match(stated) else None
