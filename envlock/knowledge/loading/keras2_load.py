"""What every step of a Keras 2 loader asks: the release, the tables, the marks that the writer left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envlock.artifacts import names
from envlock.facts import Gpu, Numpy, Python
from envlock.knowledge.loading.common import is_own, label, shown, text_of
from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, Release, release
from envlock.values import frozen

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasApi, KerasClass

__all__ = ["WITHOUT_LAYERS", "Load", "came_later", "load", "refused", "tables_of", "without_layers"]

# The first release in which a model of the user's own class may list no layers.
WITHOUT_LAYERS: Release = (2, 9)


# As Keras 2 calls what it looks up in each of its dictionaries.
_CALLED = {
    "activation": "activation function",
    "loss": "loss function",
    "metric": "metric function",
    "schedule": "decay",
    "policy": "dtype policy",
}

# Functions of `tf.nn`, which Keras writes down by their names; only some releases look there.
_OF_TENSORFLOW = frozenset({"crelu", "leaky_relu", "log_sigmoid", "log_softmax", "relu6"})

# The last Keras 2 that came with TensorFlow.
_LAST: Release = (2, 15, 0)
# Stands for the newest that there is a table of.
_NEWEST: Release = (3, 99)

_PLACES = ("keras.optimizers", "keras.optimizers.experimental")

# The optimizers of the newer kind that the import of each release registers, as `Custom>Adam` and so on.
_REGISTERED: tuple[tuple[Release, frozenset[str]], ...] = (
    ((2, 13), frozenset({"Lion"})),
    ((2, 11), frozenset({"Adafactor"})),
    ((2, 9), frozenset({"Adamax", "AdamW", "Ftrl", "Nadam", "RMSprop"})),
    ((2, 8), frozenset({"Adadelta", "Adagrad", "Adam", "SGD"})),
)


@frozen(kw_only=True)
class Load:
    """
    One load of a file by one release of Keras 2.

    `is_archive` tells the loader of `.keras` archives from that of HDF5 files. `generation` is that of the
    writer, `2` or `3`, `None` where nothing tells.
    """

    api: KerasApi
    reader: Release
    reader_name: str
    writer: Release
    generation: str | None
    is_archive: bool
    is_code_missing: bool
    tensorflow: Release
    python: Release
    written_python: Release
    numpy: Release
    has_gpu: bool
    held: tuple[str, ...]
    seen: Comparison

    @property
    def is_tf_keras(self) -> bool:
        """Whether the reader is the package tf-keras."""
        return self.api.provider == "tf-keras"

    def is_own(self, item: object, kind: str | None) -> bool:
        """Whether an object was Keras' own where it was written."""
        is_bare = isinstance(item, dict) and not item.get("module")
        if is_bare and kind is not None and came_later(self.writer, kind, text_of(item, "class_name") or ""):
            return False
        return is_own(item, kind, self.generation)

    def is_own_name(self, name: str, kind: str | None) -> bool:
        """Whether a bare name was found by Keras itself where it was written, or is TensorFlow's."""
        if kind is not None and came_later(self.writer, kind, name):
            return False
        if names.is_own(name, kind, self.generation, is_text=True):
            return True
        if kind == "activation" and name in _OF_TENSORFLOW:
            return True
        written = tables_of(self.writer)
        return written is not None and kind is not None and written.lookup(kind, name) is not None

    def found(self, kind: str, name: str) -> str | None:
        """What the loader finds under a bare name, by the kind of dictionary that it looks in."""
        if kind in {"layer", "model", "cell", "operation"}:
            return self.api.lookup("layer", name)
        return self.api.lookup(kind, name)

    def class_of(self, qualified: str | None) -> KerasClass | None:
        """The class of a qualified name; `None` for a function, and for what no table has."""
        return self.api.cls(qualified) if qualified else None

    def registered(self, name: str) -> str | None:
        """The class that this Keras itself registered as `Custom>…`."""
        bare = name.removeprefix("Custom>")
        if bare == name or not any(self.reader >= since and bare in found for since, found in _REGISTERED):
            return None
        return self.newer_optimizer(bare)

    def newer_optimizer(self, name: str) -> str | None:
        """An optimizer of the kind that became the default in 2.11."""
        table = release(self.api.version)  # that of a neighbour, where this release has none
        if table < (2, 9):
            return self.api.member(f"keras.optimizer_experimental.{name.lower()}", name)
        places = ("keras.optimizers.experimental",) if table < (2, 11) else _PLACES
        return next((found for place in places if (found := self.api.public(f"{place}.{name}"))), None)

    def unknown(self, kind: str, name: str) -> str:
        """What the loader says of a name that it does not find."""
        called = _CALLED.get(kind, "layer" if kind in {"model", "cell", "operation"} else kind)
        if self.is_archive and self.reader >= (2, 13):
            if kind == "activation":
                return f"Unknown activation function '{shown(name)}' cannot be deserialized."
            return "'str' object is not callable"
        return f"Unknown {called}: {shown(name)}"


def tables_of(writer: Release) -> KerasApi | None:
    """The tables of the Keras that wrote the file."""
    if not writer:
        return None
    from envlock.knowledge import releases

    if writer < (2, 6):
        return releases.keras("tensorflow", writer)
    return releases.keras("tf-keras" if (2, 16) <= writer < (3,) else "keras", writer)


def came_later(writer: Release, kind: str, name: str) -> bool:
    """Whether Keras has a name since a release after the writer's: in the file it is the user's."""
    written = tables_of(writer)
    if written is None or not written.is_exact or written.lookup(kind, name):
        return False
    last = tables_of(_LAST if writer < THREE else _NEWEST)
    return last is not None and last.lookup(kind, name) is not None


def load(seen: Comparison, api: KerasApi, *, is_archive: bool) -> Load:
    """What this comparison is about, for a reader of Keras 2."""
    first = seen.writer[:1]
    return Load(
        api=api,
        reader=seen.reader,
        reader_name=seen.reader_name,
        writer=seen.writer,
        generation=str(first[0]) if first in {(2,), (3,)} else None,
        is_archive=is_archive,
        is_code_missing=seen.is_code_missing,
        tensorflow=seen.tensorflow,
        python=_release(seen.current.python),
        written_python=_release(seen.locked.python),
        numpy=_release(seen.current.numpy),
        has_gpu=_has_gpu(seen),
        held=_held(seen),
        seen=seen,
    )


def _release(found: object) -> Release:
    stated = found.version if isinstance(found, (Numpy, Python)) else None
    return release(stated) if isinstance(stated, str) else ()


def _held(seen: Comparison) -> tuple[str, ...]:
    """The arrays in the file, as far as they were listed."""
    found = seen.content.weights
    return tuple(spec.name for spec in found) if isinstance(found, tuple) else ()


def _has_gpu(seen: Comparison) -> bool:
    found = seen.current.gpu
    return isinstance(found, Gpu) and isinstance(found.devices, tuple) and bool(found.devices)


def refused(code: str, item: Any, message: str, *, error: str = "", avoided_by: str = "") -> Problem:
    """A problem with one object, told in `message` behind the name of that object."""
    what = label(item)
    return Problem(code=code, subject=what, message=f"{what} {message}", error=error, avoided_by=avoided_by)


def without_layers(load: Load, what: str) -> Problem:
    """`Model.from_config` before 2.9, for a model that lists no layers."""
    return Problem(
        code="EL124",
        subject=what,
        message=f"{what} does not carry `layers`, which {load.reader_name} needs of every model",
        error="KeyError: 'layers'",
    )
