"""How Keras 3 puts a model of layers together again: which call needs which, in what notation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from envlock.knowledge.loading.common import config_of, label, shown, snake, text_of
from envlock.knowledge.loading.keras3_loader import Loader, Task
from envlock.knowledge.problem import Problem
from envlock.values import frozen

if TYPE_CHECKING:
    from envlock.knowledge.releases import KerasClass

__all__ = ["graph_problems", "held_layers", "is_graph"]

_MOST_ROUNDS = 60
_MOST_NESTED = 30

Reference = tuple[str, int]


@frozen(kw_only=True)
class _Call:
    """One call of a layer: what it is called on, and with which keywords; `error` where it cannot be read."""

    references: tuple[Reference, ...] = ()
    positional: int = 1
    keywords: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    is_old: bool = False
    error: str = ""


def is_graph(config: dict[str, Any]) -> bool:
    """Whether a configuration is that of a model of layers."""
    return isinstance(config.get("layers"), list)


def held_layers(config: dict[str, Any], what: str) -> Iterator[Task]:
    """The layers of a model; one without a module goes through the loader of `.h5` files."""
    for item in config["layers"]:
        if isinstance(item, dict):
            role = "object" if "module" in item else "layer"
            yield Task(item=item, role=role, owner=what)


def graph_problems(loader: Loader, config: dict[str, Any], what: str) -> Iterator[Problem]:
    """Whether the calls of a functional model can be made again, and its inputs and outputs be found."""
    if "input_layers" not in config:
        return
    layers = {name: item for item in config["layers"] if (name := _name(item)) is not None}
    calls = {name: [_call(node) for node in _nodes(item)] for name, item in layers.items()}
    for name, item in layers.items():
        yield from _readable(loader, item, calls[name], layers)
    yield from _ends(loader, config, what)
    yield from _unique(loader, config, what)
    if not any(call.error for made in calls.values() for call in made):
        counts, stuck = _replayed(loader, layers, calls)
        if stuck:
            yield _unresolved(loader, what, stuck, calls[stuck], layers)
        else:
            yield from _outputs(loader, config, layers, counts, what)


def _name(item: object) -> str | None:
    return text_of(item, "name") or text_of(config_of(item), "name")


def _nodes(item: object) -> list[Any]:
    found = item.get("inbound_nodes") if isinstance(item, dict) else None
    return found if isinstance(found, list) else []


def _call(node: object) -> _Call:
    if isinstance(node, dict) and "args" in node and "kwargs" in node:
        keywords = tuple(node["kwargs"]) if isinstance(node["kwargs"], dict) else ()
        references = tuple(_tensors([node["args"], node["kwargs"]]))
        count = len(node["args"]) if isinstance(node["args"], list) else 1
        return _Call(references=references, keywords=keywords, positional=count, flags=_flags(node["kwargs"]))
    if isinstance(node, dict) and node:
        return _Call(is_old=True, error="KeyError: 'args'")
    return _old_call(node) if isinstance(node, list) else _Call()


def _tensors(data: object) -> Iterator[Reference]:
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            history = config_of(item).get("keras_history")
            if text_of(item, "class_name") != "__keras_tensor__":
                waiting.extend(item.values())
            elif isinstance(history, list) and len(history) > 1 and _is_reference(history[:3]):
                yield history[0], history[1]


def _is_reference(value: object) -> bool:
    match value:
        case [str(), int(), int()]:
            return True
    return False


def _old_call(node: list[Any]) -> _Call:
    """A call as Keras 2 writes it: `[name, node, tensor, keywords]` of each tensor."""
    references: list[Reference] = []
    keywords: list[str] = []
    unread: list[str] = []
    flags: tuple[str, ...] = ()
    for entry in node:
        match entry:
            case [str(name), int(index), _]:
                references.append((name, index))
            case [str(name), int(index), _, dict(given)]:
                references.append((name, index))
                keywords = [key for key in given if isinstance(key, str)]
                unread = [key for key in keywords if _holds_reference(given[key])]
                flags = _flags(given)
            case _:
                return _Call(
                    is_old=True, error="ValueError: Cannot deserialize the model (invalid config data?)"
                )
    return _Call(
        references=tuple(references),
        keywords=tuple(keywords),
        unread=tuple(unread),
        flags=flags,
        is_old=True,
    )


def _flags(given: object) -> tuple[str, ...]:
    """The keywords that are given as true or as tensors."""
    if not isinstance(given, dict):
        return ()
    named = {key: value for key, value in given.items() if isinstance(key, str)}
    return tuple(key for key, value in named.items() if (any(value) if isinstance(value, list) else value))


def _holds_reference(value: object) -> bool:
    waiting, looked = [value], 0
    while waiting and looked < _MOST_NESTED:
        item, looked = waiting.pop(), looked + 1
        if _is_reference(item):
            return True
        if isinstance(item, list):
            waiting.extend(item[:_MOST_NESTED])
        elif isinstance(item, dict):
            waiting.extend(list(item.values())[:_MOST_NESTED])
    return False


def _readable(
    loader: Loader, item: dict[str, Any], calls: list[_Call], layers: dict[str, Any]
) -> Iterator[Problem]:
    what, found = label(item), _class(loader, item)
    for call in calls:
        unknown = next((name for name, _ in call.references if name not in layers), None)
        if call.error:
            yield _not_understood(
                what, f"its calls are written in a form that {loader.name} cannot read", call.error
            )
        elif unknown is not None:
            said = (
                f"KeyError: '{shown(unknown)}'"
                if call.is_old
                else f"ValueError: Unknown layer: {shown(unknown)}"
            )
            yield _not_understood(
                what, f"it is called on {shown(unknown)}, which is no layer of the model", said
            )
        elif call.unread:
            key = call.unread[0]
            told = f"it is called with the tensor `{shown(key)}` by keyword, unknown to {loader.name}"
            said = "build() missing 1 required positional argument"
            class_name = shown(text_of(item, "class_name"))
            yield _not_understood(what, told, f"TypeError: {class_name}.{said}: '{shown(key)}_shape'")
        yield from _keywords(loader, what, found, call)
        if found is not None and "Attention" in found.mro:
            yield from _attention(loader, what, call)


def _class(loader: Loader, item: dict[str, Any]) -> KerasClass | None:
    name, module = text_of(item, "class_name") or "", text_of(item, "module")
    if not loader.owns(item, "layer"):
        return None
    if "module" in item:
        qualified = loader.api.public(f"{module}.{name}") or loader.api.member(module or "", name)
    else:
        qualified = loader.api.lookup("layer", name)
    return loader.api.cls(qualified) if qualified else None


def _keywords(loader: Loader, what: str, found: KerasClass | None, call: _Call) -> Iterator[Problem]:
    known = found.signatures.get("call") if found is not None else None
    if known is None or "**" in known or found is None or {"Functional", "Sequential"} & set(found.mro):
        return
    if call.positional > len(known) and "*" not in known:
        name = found.mro[0]
        said = (
            "ValueError: Only input tensors may be passed as positional arguments. The following argument "
            "value should be passed as a keyword argument: … (of type <class 'float'>)"
        )
        yield _not_understood(
            what, f"it is called with more values than {loader.name} takes for {name}", said
        )
    refused = [key for key in call.keywords if key not in known and key != "training"]
    if refused:
        yield Problem(
            code="EL108",
            subject=what,
            message=f"{what} is called with `{shown(refused[0])}`, which {loader.name} does not accept",
            error=f"TypeError: got an unexpected keyword argument '{shown(refused[0])}'",
        )


def _attention(loader: Loader, what: str, call: _Call) -> Iterator[Problem]:
    """What a call of an attention layer asks for that only later releases give."""
    if "return_attention_scores" in call.flags and loader.release < (3, 8):
        yield Problem(
            code="EL129",
            subject=what,
            message=f"{what} is asked for its scores, which {loader.name} does not give to a model",
            error="IndexError: list index out of range",
        )
    is_masked = "mask" in call.flags and "use_causal_mask" not in call.flags
    if is_masked and loader.release < (3, 12):
        yield Problem(
            code="EL129",
            subject=what,
            message=f"{what} is called with masks, which {loader.name} does not fit to the scores",
            error="InvalidArgumentError: Exception encountered when calling Attention.call(). Incompatible",
        )


def _not_understood(what: str, told: str, error: str) -> Problem:
    return Problem(code="EL126", subject=what, message=f"{what}: {told}", error=error)


def _replayed(
    loader: Loader, layers: dict[str, Any], calls: dict[str, list[_Call]]
) -> tuple[dict[str, int], str]:
    """How often each layer has been called in the end, or the layer at which the loader stops."""
    counts = {name: int(text_of(item, "class_name") == "InputLayer") for name, item in layers.items()}
    left = {name: list(reversed(made)) for name, made in calls.items() if made}
    for _ in range(_MOST_ROUNDS):
        before = sum(counts.values())
        for name, open_calls in left.items():
            while open_calls and _is_ready(open_calls[-1], counts):
                open_calls.pop()
                counts[name] += 1
            if open_calls and not open_calls[-1].is_old and loader.release < (3, 7):
                return counts, name
        left = {name: open_calls for name, open_calls in left.items() if open_calls}
        if not left or sum(counts.values()) == before:
            return counts, next(iter(left), "")
    return counts, ""  # written in an order that takes too long to follow


def _is_ready(call: _Call, counts: dict[str, int]) -> bool:
    return all(counts.get(name, index + 1) > index for name, index in call.references)


def _unresolved(loader: Loader, what: str, stuck: str, calls: list[_Call], layers: dict[str, Any]) -> Problem:
    is_old = any(call.is_old for call in calls)
    if not is_old and loader.release < (3, 7):
        asked = max((found for call in calls for found in call.references), key=_by_index, default=("", 0))
        inbound = f"<{label(layers.get(asked[0])).replace(' ', ' name=', 1)}, built=True>"
        code, end = "EL126", "stops"
        error = f"ValueError: Layer node index out of bounds. inbound_layer = {inbound}"
    elif loader.ends_loops:
        code, end = "EL126", "stops"
        error = (
            "ValueError: Invalid Functional model configuration. The graph of the Functional model either has"
        )
    else:
        code, end, error = "EL127", "loops without end", "the process ended during this item"
    return Problem(
        code=code,
        subject=what,
        message=f"{what} numbers its calls otherwise than {loader.name}, which {end} at {shown(stuck)}",
        error=error,
    )


def _by_index(reference: Reference) -> int:
    return reference[1]


def _unique(loader: Loader, config: dict[str, Any], what: str) -> Iterator[Problem]:
    """Operations that were written without a name and get one anew, which may be that of another."""
    named = {text_of(config_of(item), "name") for item in config["layers"]} - {None}
    counts: dict[str, int] = {}
    for item in config["layers"]:
        if (
            "name" in config_of(item)
            or not isinstance(item, dict)
            or not isinstance(item.get("config"), dict)
        ):
            continue
        base = snake(text_of(item, "class_name") or "")
        name = f"{base}_{counts[base]}" if base in counts else base
        counts[base] = counts.get(base, 0) + 1
        if base and name in named:
            yield _not_understood(
                what,
                f"one of its operations is written without a name, and {loader.name} gives it that of {name}",
                f'ValueError: The name "{name}" is used 2 times in the model. All operation names should be',
            )
            return


def _leaves(data: object) -> Iterator[Reference]:
    waiting = [data]
    while waiting:
        item = waiting.pop()
        if _is_reference(item):
            yield item[0], item[1]  # type: ignore[index]  # a list of three
        elif isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            waiting.extend(item.values())


def _ends(loader: Loader, config: dict[str, Any], what: str) -> Iterator[Problem]:
    """Until 3.3 inputs and outputs are read as lists or dictionaries of references, no other way."""
    if loader.release >= (3, 4):
        return
    for key in ("input_layers", "output_layers"):
        ends = config.get(key)
        entries = list(ends.values()) if isinstance(ends, dict) else ends
        wrong = (
            next((end for end in entries if not _is_reference(end)), None)
            if isinstance(entries, list)
            else None
        )
        if wrong is not None:
            given = 1 + len(wrong) if isinstance(wrong, (str, list)) else 2
            said = "functional_from_config.<locals>.get_tensor() takes 3 positional arguments but"
            yield _not_understood(
                what,
                f"its `{key}` are written in a form that {loader.name} cannot read",
                f"TypeError: {said} {given - 1} were given",
            )
            return


def _outputs(
    loader: Loader, config: dict[str, Any], layers: dict[str, Any], counts: dict[str, int], what: str
) -> Iterator[Problem]:
    for key in ("input_layers", "output_layers"):
        for name, index in _leaves(config.get(key)):
            is_model = "input_layers" in config_of(layers.get(name)) and loader.release >= (3, 3)
            if name not in layers:
                told = f"its `{key}` name {shown(name)}, which is no layer of the model"
                yield _not_understood(what, told, f"AssertionError: {shown(name)}")
            elif index - is_model >= counts[name]:
                told = f"its `{key}` name a call of {shown(name)} that is numbered otherwise in {loader.name}"
                yield _not_understood(what, told, "IndexError: list index out of range")
