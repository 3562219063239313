"""JSON as it is stored, without spaces, and written quickly.

`json.JSONEncoder.encode` makes the C encoder of the standard library anew for each value. For a value of the size of a
document that takes as long as writing it, so `encoder` makes the C encoder once.
"""

from __future__ import annotations

import json
import json.encoder
from typing import Any, Callable


def encoder(ensure_ascii: bool = True) -> Callable[[Any], str]:
    """A function that turns a value into its JSON. The value must have no cycles. It raises TypeError for other types.

    ensure_ascii: whether characters beyond ASCII are escaped.
    """
    encode = json.JSONEncoder(ensure_ascii=ensure_ascii, separators=(",", ":"), check_circular=False).encode
    string = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    # The C encoder is no public interface: it is used only if it can be called like this and writes the same.
    try:
        write = make(None, _unknown, string, None, ":", ",", False, False, True)
        sample = {"a": [1, "b\u00e9", True, 1e300]}
        if "".join(write(sample, 0)) == encode(sample):
            return lambda value: "".join(write(value, 0))
    except TypeError:
        pass
    return encode


def _unknown(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is no value of JSON")
