"""
Everything envlock raises.

    EnvlockError
    ├── UsageError           an argument makes no sense
    ├── ArtifactError        the saved model cannot be read
    │   ├── IntegrityError   it can, but it is not the one that was locked
    │   └── UnsafeModelError loading it would run, read or change what nobody trusted
    ├── LockError            the lock cannot be used
    │   ├── InvalidLock      a value in it is wrong
    │   └── NewerSchema      it was written by a later envlock
    ├── TargetError          what to compare with cannot be understood
    ├── MismatchError        the environment does not fit and the caller asked to be stopped
    ├── CustomObjectError    code that the model needs cannot be had
    ├── StoreError           a file cannot be written
    ├── ToolError            another program is missing or failed
    └── ImageError           an image cannot be built or proved

A mismatch is a verdict, not an exception, unless the caller asked for one. What Keras raises
is Keras' own and passes through unchanged.
"""

from __future__ import annotations

__all__ = [
    "ArtifactError",
    "CustomObjectError",
    "EnvlockError",
    "ImageError",
    "IntegrityError",
    "InvalidLock",
    "LockError",
    "MismatchError",
    "NewerSchema",
    "StoreError",
    "TargetError",
    "ToolError",
    "UnsafeModelError",
    "UsageError",
]


class EnvlockError(Exception):
    """The root of all errors of envlock; `hint` is the next step, empty when there is none."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        from envlock.redact import clean, visible  # most runs end without an error

        self.message = visible(clean(message))
        self.hint = visible(clean(hint))
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(EnvlockError):
    """An argument is missing, unknown or contradicts another."""


class ArtifactError(EnvlockError):
    """A saved model does not exist, is no model, or is damaged."""


class IntegrityError(ArtifactError):
    """A file of the saved model is not the one that the lock describes."""

    exit_code = 1


class UnsafeModelError(ArtifactError):
    """Loading a saved model would run code, read files or change what nobody said to trust."""

    exit_code = 1


class LockError(EnvlockError):
    """A lock does not exist or cannot be used."""


class InvalidLock(LockError):
    """A lock was read but a value in it is wrong; `where` is the path to that value."""

    def __init__(self, problem: str, *, where: str = "") -> None:
        super().__init__(f"{problem} at {where}" if where else problem)
        self.problem = problem
        self.where = where

    def inside(self, key: str) -> InvalidLock:
        """The same error seen from one level further out."""
        joiner = "" if self.where.startswith("[") or not self.where else "."
        return InvalidLock(self.problem, where=f"{key}{joiner}{self.where}")


class NewerSchema(LockError):
    """A lock was written by an envlock that is newer than this one."""


class TargetError(EnvlockError):
    """A target to compare with is neither a lock, a requirements file nor a list of pins."""


class MismatchError(EnvlockError):
    """The environment does not fit the model and `on_mismatch="raise"` was asked for."""

    exit_code = 1


class CustomObjectError(EnvlockError):
    """Code that the model needs is missing, or is not what it was."""


class StoreError(EnvlockError):
    """A file or folder cannot be written."""


class ToolError(EnvlockError):
    """Another program is missing, failed or took too long."""


class ImageError(EnvlockError):
    """An image cannot be planned, built or run."""
