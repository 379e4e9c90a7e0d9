"""What an inspection says."""

from __future__ import annotations

from envlock.values import frozen

__all__ = ["KINDS", "Asked", "Hazard", "Inspection"]

# From the best to the worst.
KINDS = ("clean", "custom", "resource", "file-read", "code", "refuse")


@frozen(kw_only=True)
class Hazard:
    """
    One thing that loading a model would do besides making Keras' own objects.

    `kind` is one of `KINDS`, `subject` the object or the file that it is about.
    """

    code: str
    kind: str
    subject: str
    message: str
    remedy: str


@frozen(kw_only=True)
class Asked:
    """
    A class or function that the model asks for and that is not Keras' own.

    `name` is what the loader looks for, `module` where the file says that it was, `None` where it does not.
    `spelt` has every name that a loader may look it up by, `asked_by` the objects that hold it. `is_class`
    tells that it stands where an object is made of it, `is_setting` that the compile settings alone ask.
    """

    name: str
    module: str | None
    asked_by: tuple[str, ...]
    spelt: tuple[str, ...] = ()
    is_class: bool = False
    is_setting: bool = False


@frozen(kw_only=True)
class Inspection:
    """What loading a saved model would run, read or allocate; the worst of it is the verdict."""

    verdict: str
    hazards: tuple[Hazard, ...]
    names: tuple[Asked, ...]
