"""
Make the lists of operations and functions that compute, which `envlock.inspection` allows in models.

    python tools/harvest_inspection.py record OUT.json
    python tools/harvest_inspection.py operations RECORD.json ... > envlock/inspection/graph_operations.txt
    python tools/harvest_inspection.py functions RECORD.json > envlock/inspection/tensorflow_functions.txt

`record` runs inside an environment with TensorFlow and writes down its operations, whether they keep a state,
and its public functions with the names of their arguments. The list of operations was made of the records of
2.4 and 2.21, that of functions of 2.15. `operations` asks the table of envlock besides, which tells whether
an operation ever had a kernel. The same records make the same bytes.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CHECKED = "2026-11-21"
OPERATIONS = f"""\
# Operations that compute, draw random numbers, or keep variables and tables in memory: those registered by
# TensorFlow 2.4 to 2.21 that have a kernel and no state, and some that have. None reads, writes, prints or
# calls Python. Checked {CHECKED}.
"""
FUNCTIONS = f"""\
# Functions of TensorFlow 2.15 that compute: without those that take functions, files, sessions or
# collections. Checked {CHECKED}.
"""


def _any(words: str) -> str:
    """The expression that takes any of these."""
    return "|".join(words.split())


# Operations without a state that do more than compute: they open, print, send, decode what is a program, or
# belong to machines and to compilers.
_MORE_WORDS = r"""
    Abort Accumulator.* AudioMicrofrontend AudioSummary.* Barrier.* BatchFunction BoostedTrees.* CheckPinned
    CompressElement ComputeBatchSize Copy CopyHost CopyOp CopyToMesh.* CudnnRNNParams.* CustomAggregator
    DTensor.* Debug(?!GradientIdentity).* DecodeCompressed DecodeProtoV2 DestroyTemporaryVariable
    EncodeProto Experimental.* Fact GenerateVocabRemapping GetDeadline GetOptions GetStats.* GetTpuTaskId
    HostConst ImmutableConst Infeed.* InitializeTableFromTextFile.* MapDefun MatchingFiles MergeDedupData
    MlirPassthroughOp Prelinearize.* PyFunc.* Queue.* RandomIndexShuffle_ ReadFile Reader.* Register.*
    Relayout.* Remote.* Risc.* Sdca.* Sharded.* SnapshotNested.* Sparse(?:Conditional)?Accumulator.*
    .*SparseCore.* SplitDedupData Stack(?:Close|Pop|Push) SymbolicGradient TPU.*
    TensorArray(?:Close|Concat|Gather|Pack|Read|Scatter|Size|Split|Unpack|Write)(?:V2)? Tpu.*
    UncompressElement
    Xla(?:Launch|CustomCall|AllReduce|Cluster|ConcatND|SplitND|Replica|ReduceScatter|Sparse|Spmd|Remove).*
    XlaLaunchV2
"""
_MORE = re.compile(rf"^_|Dataset|^(?:{_any(_MORE_WORDS)})$")
# Operations with a state that is in memory, or that is a generator of random numbers.
_IN_MEMORY_WORDS = r"""
    AllCandidateSampler AnonymousMutable.* Assert Assign(?:Add|Sub)?VariableOp Case CudnnRNN.*
    DestroyResourceOp DisableCopyOnRead EnsureShape
    (?:Anonymous)?(?:Mutable)?(?:Dense)?HashTable(?:OfTensors)?(?:V2)? If InitializeTableV2 IteratorGetNext
    LearnedUnigramCandidateSampler LogUniformCandidateSampler LookupTable.* Multinomial
    MutableDenseHashTable.* MutableHashTable.* ParameterizedTruncatedNormal RandomCrop RandomGamma
    RandomPoisson(?:V2)? RandomShuffle RandomStandardNormal RandomUniform(?:Int)? ReadVariableOp
    ResourceApply.* ResourceCountUpTo ResourceGather(?:Nd)? ResourceScatter.* ResourceSparseApply.*
    ResourceStridedSliceAssign RngReadAndSkip RngSkip SampleDistortedBoundingBox(?:V2)?
    Stack(?:V2|PopV2|PushV2|CloseV2) Stateful.* StatelessRandomGetAlg TensorArray.*V3
    ThreadUnsafeUnigramCandidateSampler TruncatedNormal UniformCandidateSampler VarHandleOp
    VarIsInitializedOp Variable(?:V2)? VariableShape While
"""
_IN_MEMORY = re.compile(rf"^(?:{_any(_IN_MEMORY_WORDS)})$")

# Where functions are looked for, and arguments that take functions, files, sessions or collections.
_SPACES = (
    "", "math", "nn", "linalg", "strings", "signal", "image", "bitwise", "sparse", "ragged", "random",
    "quantization", "sets", "audio", "compat.v1", "compat.v1.math", "compat.v1.nn", "compat.v1.image",
    "compat.v1.linalg", "compat.v1.strings", "compat.v1.sparse", "compat.v1.ragged", "compat.v1.random",
    "keras.backend",
)  # fmt: skip
_ARGUMENTS = frozenset(
    ["body", "branch_fns", "callable", "cell", "collection", "cond", "contents", "dataset", "elems", "f",
     "false_fn", "file", "filename", "filenames", "fn", "fnc", "fun", "func", "func_graph", "grad_f",
     "graph_def", "initializer", "inp", "iterator", "map_func", "name_or_scope", "op", "path",
     "pred_fn_pairs", "serialized", "sess", "template", "true_fn", "vocab_file"]
)  # fmt: skip
# Functions that do something besides, or for which models have a form of their own.
_BESIDES_WORDS = r"""
    Assert NoGradient NotDifferentiable Print add_.* all_variables as_dtype assert_.* assign.*
    batch_scatter_update colocate.* container control_dependencies control_flow.* convert_to_tensor_or.*
    count_up_to decode_.* delete_.* deserialize.* device dimension_.* disable_.* einsum_ enable_.*
    executing_eagerly.* fixed_size.* get_.* global_var.* gradients group guarantee_const hessians
    import_graph_def init_scope initialize_.* inside_function is_.*variable.* is_numeric_tensor
    is_symbolic_tensor is_tensor load_.* local_.* make_.* matching_files min_max_.* model_variables
    moving_.* no_.* nondifferentiable.* op_scope parallel_stack .*placeholder.* print register.* report_.*
    reset_.* resource_.* scatter_(?!nd$).* serialize.* set_.* sparse_placeholder tables_init.* timestamp
    trainable_.* tuple type_spec_from_value variable.*
    nn\.(?:scale_regul.*|all_candidate.*|fixed_uni.*|bidirectional.*|static_bi.*)
    random\.(?:create_rng_state|get_.*|set_.*|fixed.*) keras\.backend\..*_variable keras\.backend\.backend
    keras\.backend\.batch_[gs]et_value keras\.backend\.cast_to_floatx keras\.backend\.clear_session
    keras\.backend\.count_params keras\.backend\.epsilon keras\.backend\.eval keras\.backend\.floatx
    keras\.backend\.function keras\.backend\.get_.* keras\.backend\.gradients
    keras\.backend\.image_data_format keras\.backend\.in_(?:test|train)_phase
    keras\.backend\.is_keras_tensor keras\.backend\.learning_phase.* keras\.backend\.manual_.*
    keras\.backend\.moving_.* keras\.backend\.name_scope keras\.backend\.print_tensor
    keras\.backend\.reset_.* keras\.backend\.rnn keras\.backend\.set_.* keras\.backend\.switch
    keras\.backend\.update.* keras\.backend\.variable
"""
_BESIDES = re.compile(rf"^(?:compat\.v1\.)?(?:{_any(_BESIDES_WORDS)})$")
_OPERATORS = (
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "rdiv", "truediv", "rtruediv", "floordiv",
    "rfloordiv", "mod", "rmod", "pow", "rpow", "matmul", "rmatmul", "and", "rand", "or", "ror", "xor", "rxor",
    "lt", "le", "gt", "ge", "eq", "ne", "getitem", "abs", "invert", "neg",
)  # fmt: skip
# Names that Keras 2 writes and 2.15 does not list in these spaces.
_WRITTEN = (
    "clip_by_value", "compat.v1.pad", "compat.v1.shape", "compat.v1.transpose",
    "debugging.check_numerics", "dtypes.cast", "dtypes.complex", "dtypes.saturate_cast", "image.resize",
    "math.abs", "math.floor", "math.floormod", "math.pow", "unique", "unstack",
)  # fmt: skip


def record() -> dict[str, Any]:
    """The operations and functions of the TensorFlow of this process."""
    import tensorflow
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session as native

    listed = op_def_pb2.OpList()
    listed.ParseFromString(bytes(native.TF_GetBuffer(native.TF_GetAllOpList())))
    return {
        "version": tensorflow.__version__,
        "stateful": {op.name: bool(op.is_stateful) for op in listed.op},
        "functions": dict(_functions(tensorflow)),
    }


def _functions(root: Any) -> Iterator[tuple[str, list[str] | None]]:
    """Public functions with the names of their arguments, `None` where these are not known."""
    for space in _SPACES:
        module = root
        for part in filter(None, space.split(".")):
            module = getattr(module, part, None)
        for name in dir(module) if module is not None else ():
            found = getattr(module, name)
            if not name.startswith("_") and callable(found) and not inspect.isclass(found):
                yield f"{space}.{name}".lstrip("."), _arguments(found)


def _arguments(function: Any) -> list[str] | None:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return None


def operations(stateful: dict[str, bool]) -> list[str]:
    """The operations of records that compute: by whether they keep a state."""
    return sorted(name for name, has_state in stateful.items() if is_allowed(name, has_state=has_state))


def is_allowed(name: str, *, has_state: bool) -> bool:
    """Whether an operation only computes, or keeps in memory what it keeps."""
    if has_state:
        return _IN_MEMORY.match(name) is not None and not name.startswith("_")
    return _MORE.search(name) is None and had_kernel(name)


def had_kernel(name: str) -> bool:
    """Whether a release had a kernel for an operation, by the table that envlock carries."""
    from envlock.knowledge import operations as known

    found = known._table().operation(name)  # noqa: SLF001 (releases are asked one by one in public)
    return found is not None and found.ever_had_kernel


def functions(listed: dict[str, list[str] | None]) -> list[str]:
    """The functions of a record that compute, with the operators that Keras 2 writes as functions."""
    found = {name for name, arguments in listed.items() if is_function(name, arguments)}
    return sorted({*found, *_WRITTEN, *(f"__operators__.{name}" for name in _OPERATORS)})


def is_function(name: str, arguments: Iterable[str] | None) -> bool:
    """Whether a function takes nothing but values, and does nothing besides."""
    return arguments is not None and not set(arguments) & _ARGUMENTS and _BESIDES.match(name) is None


def main(command: str, *paths: str) -> None:
    """Write a record, or a list of records."""
    if command == "record":
        Path(paths[0]).write_text(json.dumps(record(), sort_keys=True), encoding="utf-8")
        return
    records = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    if command == "operations":
        merged = {name: state for item in records for name, state in item["stateful"].items()}
        head, lines = OPERATIONS, operations(merged)
    else:
        head, lines = FUNCTIONS, functions(records[0]["functions"])
    sys.stdout.write(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
