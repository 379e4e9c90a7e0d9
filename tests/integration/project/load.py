"""Load the model at argv[1] and say as JSON how its numbers compare; knows nothing of its layers."""

import json
import sys
import warnings

import numpy as np

import envlock

path, way, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
expected = np.load(f"{path}.numbers.npz")
said = {"warnings": []}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", envlock.MismatchWarning)
    try:
        if way == "envlock":
            loaded = envlock.load_model(path, **options)
        else:
            envlock.install()
            import keras
            import tensorflow as tf

            loaded = keras.models.load_model(path) if way == "keras" else tf.saved_model.load(path)
        said["predicts"] = hasattr(loaded, "predict")
        if said["predicts"]:
            numbers = loaded.predict(expected["rows"], verbose=0)
        else:
            signature = loaded.signatures["serving_default"]
            (name,) = signature.structured_input_signature[1]
            (numbers,) = (value.numpy() for value in signature(**{name: expected["rows"]}).values())
        said["equal"] = bool(np.array_equal(numbers, expected["numbers"]))
        said["difference"] = float(np.abs(numbers - expected["numbers"]).max())
    except Exception as error:  # noqa: BLE001 - the test asks which
        said |= {
            "error": type(error).__name__,
            "message": str(error),
            "notes": getattr(error, "__notes__", []),
        }
said["warnings"] = [
    str(item.message) for item in caught if issubclass(item.category, envlock.MismatchWarning)
]
print("SAID " + json.dumps(said))
