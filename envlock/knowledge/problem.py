"""What stands between a saved model and one loader of one release."""

from __future__ import annotations

from envlock.facts import KERAS_LOADER
from envlock.values import frozen

__all__ = ["COMPILE", "SAFE_MODE", "Problem"]

# The arguments of Keras' loader that avoid a problem.
COMPILE = "compile=False"
SAFE_MODE = "safe_mode=False"


@frozen(kw_only=True)
class Problem:
    """
    One thing that a loader refuses, cannot find, or takes for something else.

    `code` is that of the rule which explains it, `error` what the loader itself would say, as near to its
    words as the tables allow. `avoided_by` is the argument of Keras' loader that avoids it. `is_silent`
    tells that nothing fails: numbers or behaviour differ. `remedy` is what mends it, where that is not what
    its rule says. `detail` holds lines to be shown below the message.
    """

    code: str
    subject: str
    message: str
    error: str = ""
    loaders: tuple[str, ...] = (KERAS_LOADER,)
    avoided_by: str = ""
    is_silent: bool = False
    remedy: str = ""
    detail: tuple[str, ...] = ()
