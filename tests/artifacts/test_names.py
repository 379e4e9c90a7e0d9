from __future__ import annotations

import pytest

from envlock.artifacts import names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Dense", "layer"),
        ("TFOpLambda", "layer"),
        ("TensorFlowOpLayer", "layer"),
        ("GetItem", "layer"),
        ("CuDNNLSTM", "layer"),
        ("Functional", "model"),
        ("LSTMCell", "cell"),
        ("LeakyReLU", "activation"),
        ("swish", "activation"),
        ("glorot_uniform", "initializer"),
        ("l1_l2", "regularizer"),
        ("max_norm", "constraint"),
        ("MSE", "loss"),
        ("mean_squared_error", "metric"),
        ("sparse_categorical_crossentropy", "loss"),
        ("accuracy", "metric"),
        ("Custom>Adam", "optimizer"),
        ("rmsprop", "optimizer"),
        ("RMSProp", "optimizer"),
        ("ExponentialDecay", "schedule"),
        ("DTypePolicyMap", "policy"),
        ("PolicyV1", "policy"),
        ("Dense", None),
        ("relu", "function"),
    ],
)
def test_what_keras_has_is_its_own(name: str, kind: str | None) -> None:
    assert names.is_own(name, kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Gate", "layer"),
        ("Gate", None),
        ("Zeros", "activation"),
        ("Orthogonal", "layer"),
        ("relu", "loss"),
        ("Custom>Gate", "layer"),
        ("config", "regularizer"),
        ("serialize", None),
        ("name", "loss"),
    ],
)
def test_what_keras_has_not_where_it_is_asked_for_is_the_users(name: str, kind: str | None) -> None:
    assert not names.is_own(name, kind)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("keras.layers", True),
        ("keras", True),
        ("tf_keras.src.engine.functional", True),
        ("tensorflow.python.keras.layers.core", True),
        ("keras_hub.src.models", False),
        ("kerasish.layers", False),
        ("houses.keras", False),
        ("__main__", False),
    ],
)
def test_a_module_is_keras_own_by_its_first_name(module: str, *, expected: bool) -> None:
    assert names.is_keras_module(module) is expected
