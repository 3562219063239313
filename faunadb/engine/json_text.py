"""JSON as it is stored: without spaces, written by one call of what the standard library has in C.

`json.JSONEncoder.encode` puts that together anew for each text, which for a document takes as long as writing it.
"""

from __future__ import annotations

import json
import json.encoder
from typing import Any, Callable


def encoder(ensure_ascii: bool = True) -> Callable[[Any], str]:
    """A function from a value, without cycles, to its JSON. ensure_ascii: whether other characters are escaped."""
    encode = json.JSONEncoder(ensure_ascii=ensure_ascii, separators=(",", ":"), check_circular=False).encode
    string = json.encoder.encode_basestring_ascii if ensure_ascii else json.encoder.encode_basestring
    make: Any = getattr(json.encoder, "c_make_encoder", None)
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
