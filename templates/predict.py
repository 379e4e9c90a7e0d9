"""
Predict in the image: JSON in, JSON out.

    echo '{"instances": [[1.0, 2.0]]}' | docker run -i --rm IMAGE

`instances` is a list of rows for a model with one input, `inputs` maps each input's name to its
rows for a model with several.
"""

import importlib
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
HERE = Path(__file__).parent


def main():
    """Answer one request; a wrong one gets a sentence and exit code 2."""
    about = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    try:
        arrays = read_request(json.load(sys.stdin), about["inputs"])
    except (ValueError, TypeError) as error:
        refuse(f"the request cannot be used: {error}")
    try:
        outputs = predict(about, arrays)
    except Exception as error:  # the model's own code may raise anything; the caller gets one line
        refuse(f"the model cannot take this request: {str(error).strip().partition(chr(10))[0]}")
    json.dump({"predictions": outputs[0] if len(outputs) == 1 else outputs}, sys.stdout)
    print()


def refuse(sentence):
    """Say why on standard error, and end with 2."""
    print(sentence, file=sys.stderr)
    sys.exit(2)


def read_request(request, inputs):
    """The arrays of a request, in the order of the model's inputs."""
    import numpy

    named = request.get("inputs") if isinstance(request, dict) else None
    if named is None and isinstance(request, dict) and "instances" in request and len(inputs) <= 1:
        named = {inputs[0]["name"] if inputs else "": request["instances"]}
    wanted = [spec["name"] for spec in inputs]
    if not isinstance(named, dict) or (wanted and set(named) != set(wanted)):
        raise ValueError(f'expected {{"inputs": {{...}}}} with {wanted}, or {{"instances": [...]}} for one input')
    dtypes = {spec["name"]: spec["dtype"] for spec in inputs}
    order = wanted or list(named)
    return [numpy.asarray(named[name], dtype=_dtype(dtypes.get(name, "float32"))) for name in order]


def predict(about, arrays):
    """The outputs for arrays in the order of the model's inputs, as nested lists."""
    import numpy
    import tensorflow as tf

    path = str(HERE / "model" / about["model"])
    if about["is_saved_model"]:
        signature = tf.saved_model.load(path).signatures["serving_default"]
        wanted = signature.structured_input_signature[1]
        named = [spec["name"] for spec in about["inputs"]]
        keys = named if set(named) == set(wanted) else sorted(wanted, key=_numbered)
        found = signature(**{key: tf.constant(array, wanted[key].dtype) for key, array in zip(keys, arrays)})
        return [found[key].numpy().tolist() for key in sorted(found, key=_numbered)]
    objects = custom_objects(about)
    with tf.keras.utils.custom_object_scope(objects):
        model = tf.keras.models.load_model(path, custom_objects=objects)
    tensors = [tf.constant(array) for array in arrays]
    outputs = tf.nest.flatten(model(_packed(tf, model, tensors), training=False))
    return [numpy.asarray(tensor).tolist() for tensor in outputs]


def custom_objects(about):
    """The model's own classes and functions, from the modules beside it."""
    found = {}
    for name, module, qualname in about["custom_objects"]:
        value = importlib.import_module(module)
        for part in qualname.split("."):
            value = getattr(value, part)
        found[name] = found[qualname.rpartition(".")[2]] = value
    return found


def _packed(tf, model, tensors):
    try:
        return tf.nest.pack_sequence_as(model.input, tensors)
    except (AttributeError, ValueError):  # a subclassed model has no input structure
        return tensors[0] if len(tensors) == 1 else tensors


def _numbered(name):
    """`keras_tensor_2` before `keras_tensor_10`."""
    head, _, tail = name.rpartition("_")
    return (head, int(tail)) if tail.isdigit() else (name, -1)


def _dtype(name):
    return {"string": "str", "bfloat16": "float32"}.get(name, name)


if __name__ == "__main__":
    main()
