"""
What can be true of an environment and of a saved model, as frozen values.

`None` means *we looked, there is none*; `Unknown` means *we could not look*. A sequence is a
tuple in a fixed order, so that the same facts are always the same value.

Some facts are recorded for people and for what is made from a lock, and compared by nobody: where
they differ, nothing follows for a model. They are declared with `recorded()`.
"""

from __future__ import annotations

from envlock.facts.environment import (
    TENSORFLOW_DISTRIBUTIONS,
    Cpu,
    Device,
    Fingerprint,
    Git,
    Gpu,
    Keras,
    Numerics,
    Numpy,
    Origin,
    Package,
    Python,
    System,
    TensorFlow,
)
from envlock.facts.model import (
    ARTIFACT,
    KERAS_LOADER,
    LIVE,
    SAVED_MODEL_LOADER,
    WEIGHTS_LOADER,
    Artifact,
    ArtifactFile,
    Canary,
    Constructor,
    Content,
    CustomObject,
    Lock,
    Signature,
    TensorSpec,
)
from envlock.facts.unknown import NOT_RECORDED, Maybe, Unknown, find_unknowns, is_compared

__all__ = [
    "ARTIFACT",
    "KERAS_LOADER",
    "LIVE",
    "NOT_RECORDED",
    "SAVED_MODEL_LOADER",
    "TENSORFLOW_DISTRIBUTIONS",
    "WEIGHTS_LOADER",
    "Artifact",
    "ArtifactFile",
    "Canary",
    "Constructor",
    "Content",
    "Cpu",
    "CustomObject",
    "Device",
    "Fingerprint",
    "Git",
    "Gpu",
    "Keras",
    "Lock",
    "Maybe",
    "Numerics",
    "Numpy",
    "Origin",
    "Package",
    "Python",
    "Signature",
    "System",
    "TensorFlow",
    "TensorSpec",
    "Unknown",
    "find_unknowns",
    "is_compared",
]
