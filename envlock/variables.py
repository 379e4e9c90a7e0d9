"""
The environment variables that change what a model computes or how it loads.

Each has a grammar for its value. A value of another form is not recorded: it could be anything, a
secret included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["ARITHMETIC", "FOLLOWS_THE_MODEL", "GRAMMAR", "OTHER_FORM", "PATHS", "recordable"]

_FLAG = r"0|1|true|false|True|False|TRUE|FALSE"
_NUMBER = r"\d{1,6}"
_WORD = r"[A-Za-z0-9_]{1,40}"
_XLA_FLAG = r"--?[a-z0-9_]{1,80}(=(true|false|True|False|-?\d{1,9}(\.\d{1,9})?|[a-z_,+-]{1,80}))?"
_XLA_FLAGS = rf"{_XLA_FLAG}( {_XLA_FLAG})*"

# Which kernels compute, and in which precision.
_ARITHMETIC: Mapping[str, str] = {
    "DNNL_DEFAULT_FPMATH_MODE": _WORD,
    "DNNL_MAX_CPU_ISA": _WORD,
    "MKL_CBWR": r"[A-Z0-9_,]{1,40}",
    "NVIDIA_TF32_OVERRIDE": r"[01]",
    "ONEDNN_DEFAULT_FPMATH_MODE": _WORD,
    "ONEDNN_MAX_CPU_ISA": _WORD,
    "OPENBLAS_CORETYPE": _WORD,
    "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_IGNORE_PERFORMANCE": _FLAG,
    "TF_CUDNN_DETERMINISTIC": _FLAG,
    "TF_CUDNN_USE_AUTOTUNE": _FLAG,
    "TF_CUDNN_USE_FRONTEND": _FLAG,
    "TF_DETERMINISTIC_OPS": _FLAG,
    "TF_DISABLE_SCATTER_OP_DETERMINISM": _FLAG,
    "TF_ENABLE_ONEDNN_OPTS": _FLAG,
    "TF_ENABLE_WINOGRAD_NONFUSED": _FLAG,
    "TF_FP16_CONV_USE_FP32_COMPUTE": _FLAG,
    "TF_FP16_RNN_USE_FP32_COMPUTE": _FLAG,
    "TF_SET_ONEDNN_FPMATH_MODE": _WORD,
    "TF_USE_CUBLASLT": _FLAG,
    "TF_USE_CUDNN_BATCHNORM_SPATIAL_PERSISTENT": _FLAG,
    "TF_XLA_FLAGS": _XLA_FLAGS,
    "XLA_FLAGS": _XLA_FLAGS,
}

# Which Keras, on which backend.
_FRAMEWORK: Mapping[str, str] = {
    "KERAS_BACKEND": r"[a-z]{1,20}",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": r"python|cpp|upb",
    "TF_USE_LEGACY_KERAS": _FLAG,
}

# How the machine is used; no affair of the model.
_MACHINE: Mapping[str, str] = {
    "CUDA_CACHE_MAXSIZE": r"\d{1,12}",
    "CUDA_DEVICE_ORDER": r"PCI_BUS_ID|FASTEST_FIRST",
    "CUDA_FORCE_PTX_JIT": _FLAG,
    "CUDA_MODULE_LOADING": r"LAZY|EAGER|DEFAULT",
    "CUDA_VISIBLE_DEVICES": r"-1|\d{1,3}(,\d{1,3})*|",
    "HIP_VISIBLE_DEVICES": r"-1|\d{1,3}(,\d{1,3})*|",
    "MKL_NUM_THREADS": _NUMBER,
    "OMP_NUM_THREADS": _NUMBER,
    "OPENBLAS_NUM_THREADS": _NUMBER,
    "PYTHONHASHSEED": r"random|\d{1,10}",
    "TF_DETERMINISTIC_ALLOCATOR": _FLAG,
    # Not TF_FORCE_GPU_ALLOW_GROWTH: Keras sets it itself in each process that runs on another backend.
    "TF_GPU_ALLOCATOR": _WORD,
    "TF_GPU_THREAD_MODE": _WORD,
    "TF_NUM_INTEROP_THREADS": _NUMBER,
    "TF_NUM_INTRAOP_THREADS": _NUMBER,
}

# Each names a folder or several, which say who works here: only that they are set is recorded.
PATHS = ("HF_HOME", "KERAS_HOME", "LD_LIBRARY_PATH", "TFHUB_CACHE_DIR")
_SET = "<set>"
OTHER_FORM = "<another form>"

ARITHMETIC = tuple(_ARITHMETIC)
FOLLOWS_THE_MODEL = (*_ARITHMETIC, *_FRAMEWORK)
GRAMMAR: Mapping[str, str] = dict(
    sorted({**_ARITHMETIC, **_FRAMEWORK, **_MACHINE, **dict.fromkeys(PATHS, _SET)}.items())
)


def recordable(name: str, value: str) -> str:
    """What of a listed variable's value may be recorded."""
    if name in PATHS:
        return _SET
    return value if re.fullmatch(GRAMMAR[name], value) else OTHER_FORM
