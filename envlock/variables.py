"""
The environment variables that change what a model computes or how it loads.

Each has a grammar for its value. A value of another form is not recorded: it could be anything, a
secret included.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ARITHMETIC", "FOLLOWS_THE_MODEL", "GRAMMAR"]

_FLAG = r"0|1|true|false|True|False|TRUE|FALSE"
_NUMBER = r"\d{1,6}"
_XLA_FLAG = r"--?[a-z0-9_]+(=[A-Za-z0-9_.,+-]*)?"
_XLA_FLAGS = rf"{_XLA_FLAG}( {_XLA_FLAG})*"

# Which kernels compute, and in which precision.
_ARITHMETIC: Mapping[str, str] = {
    "MKL_CBWR": r"[A-Z0-9_,]+",
    "NVIDIA_TF32_OVERRIDE": r"[01]",
    "ONEDNN_DEFAULT_FPMATH_MODE": r"[A-Za-z0-9_]+",
    "ONEDNN_MAX_CPU_ISA": r"[A-Z0-9_]+",
    "OPENBLAS_CORETYPE": r"\w+",
    "TF_CUDNN_DETERMINISTIC": _FLAG,
    "TF_DETERMINISTIC_OPS": _FLAG,
    "TF_ENABLE_ONEDNN_OPTS": _FLAG,
    "TF_XLA_FLAGS": _XLA_FLAGS,
    "XLA_FLAGS": _XLA_FLAGS,
}

# Which Keras, on which backend.
_FRAMEWORK: Mapping[str, str] = {
    "KERAS_BACKEND": r"[a-z]+",
    "TF_USE_LEGACY_KERAS": _FLAG,
}

# How the machine is used; no affair of the model.
_MACHINE: Mapping[str, str] = {
    "CUDA_VISIBLE_DEVICES": r"-1|\d+(,\d+)*|",
    "OMP_NUM_THREADS": _NUMBER,
    "OPENBLAS_NUM_THREADS": _NUMBER,
    "PYTHONHASHSEED": r"random|\d{1,10}",
    "TF_FORCE_GPU_ALLOW_GROWTH": _FLAG,
    "TF_NUM_INTEROP_THREADS": _NUMBER,
    "TF_NUM_INTRAOP_THREADS": _NUMBER,
}

ARITHMETIC = tuple(_ARITHMETIC)
FOLLOWS_THE_MODEL = (*_ARITHMETIC, *_FRAMEWORK)
GRAMMAR: Mapping[str, str] = dict(sorted({**_ARITHMETIC, **_FRAMEWORK, **_MACHINE}.items()))
