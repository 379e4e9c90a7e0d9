"""
Arguments that some releases take and do not write, so that no file tells whether a model was given them.

Told of the layers that could have had one. A lock with canaries settles it: `envlock verify` runs the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from envlock.knowledge.problem import Problem
from envlock.knowledge.rule import THREE, Comparison, Release, written

__all__ = ["problems"]

_TRANSPOSED = ("output_padding", THREE, (3, 15))
_DENSE = ("causal", (2, 10), THREE)
# The argument, the first release that left it out, the first that wrote it again: from `get_config` of each.
_LEFT_OUT: dict[str, tuple[str, Release, Release]] = {
    "Attention": _DENSE,
    "AdditiveAttention": _DENSE,
    "Normalization": ("invert", (2, 10), (2, 13)),
    "LayerNormalization": ("rms_scaling", THREE, (3, 4)),
    "Conv1DTranspose": _TRANSPOSED,
    "Conv2DTranspose": _TRANSPOSED,
    "Conv3DTranspose": _TRANSPOSED,
}


def problems(seen: Comparison) -> Iterator[Problem]:
    """The layers whose file cannot tell whether they had the argument."""
    for node in seen.nodes():
        key, first, after = _LEFT_OUT.get(node.class_name, ("", (), ()))
        if first <= seen.writer < after and key not in node.config:
            yield Problem(
                code="EL135",
                subject=node.label,
                message=f"{written(seen)} leaves out `{key}` of {node.label}: if the model sets it, it is "
                "lost here without a message",
            )
