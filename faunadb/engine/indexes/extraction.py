"""Which entries a version of a document has in an index (sets and reads, "Index entries").

`entries` finds them, and `keys` makes their bytes. The module `entries` keeps them in step with the documents, and `builds`
fills a new index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Optional

from ..java.text import nfkc_casefold
from ..java.times import Time
from ..language import codec
from ..language import values as v
from ..language.errors import QueryErrors, RequestError, bad_request
from ..language.lambdas import apply
from ..language.paths import NOT_FOUND, walk
from ..language.registry import PURE
from ..records import NamedTuple, maker
from . import keys
from .definitions import Field, Index, Source, Step

if TYPE_CHECKING:
    from ..language.context import Context

#: Most bytes that the terms, or the values, of one entry may take.
MAX_COMPONENT = 32_767
#: Most bytes that the entries of one version in one index may take together.
MAX_ENTRIES = 16_777_216

#: Sort keys up to this length need no look at the length of the values: a sort key is at most a few times as long.
_SURELY_FITS = 4096


class Entry(NamedTuple):
    """One entry of a document: the key of its terms, the key of its values and ref, and the values as stored JSON.

    cover: None if the index has no values.
    """

    terms: bytes
    values: bytes
    cover: Optional[str]


_entry = maker(Entry)


def entries(ctx: Context, index: Index, document: v.Document) -> list[Entry]:
    """The entries of a live version of a document in an index, each once; [] if its collection is not covered.

    A tuple of terms or of values whose components are all null gives no entry, nor does one that is too large for a key.
    The document's own ``ts`` is the running transaction's time as a value. As a term it is stored as null, also if a
    binding gives it; but it is not missing, so that its tuple has an entry even if all of its terms are such nulls.
    Raises RequestError (400) if the entries together are too large.
    """
    source = index.source_of(document.ref.coll)
    if source is None:
        return []
    term = index.only_term
    if term is not None:
        # The usual case, without tuples: one member of data, which is a scalar.
        data = document.fields.get("data")
        found = data.get(term.name) if type(data) is dict else None
        if found is None:
            return []
        only = only_entry(term, found, keys.ref_suffix(document.ref.coll, document.ref.id))
        if only is not None:
            return [only]
    alone = _alone(index, document)
    if alone is not None:
        return alone
    terms = _tuples(ctx, index, index.terms, source, document, as_terms=True)
    values = _tuples(ctx, index, index.values, source, document, as_terms=False)
    if not terms or not values:
        return []
    term_keys = [keys.encode_terms(combination) for combination in terms]
    value_keys = _value_keys(index, values, document.ref)
    _check_size(index, document.ref, term_keys, value_keys)
    term_keys = [key for key in term_keys if len(key) <= MAX_COMPONENT]
    return [Entry(key, value, cover) for key in term_keys for value, cover in value_keys]


def only_entry(term: Field, value: Any, suffix: bytes) -> Optional[Entry]:
    """The entry that a value of a member of ``data`` has in an index with that term alone (`Index.only_term`).

    suffix: `keys.ref_suffix` of the document. None where it takes a closer look.
    """
    kind = type(value)
    if kind in _PLAIN and not (term.casefold and kind is str):
        key = keys.exact(value)
        if len(key) <= MAX_COMPONENT:
            return _entry((key, suffix, None))  # type: ignore[no-any-return]
    return None


def _alone(index: Index, document: v.Document) -> Optional[list[Entry]]:
    """The entries of a version for which each field of the index finds one scalar or nothing. None for others."""
    terms = _scalars(index.terms, document)
    values = _scalars(index.values, document)
    if terms is None or values is None:
        return None
    if (terms and terms.count(None) == len(terms)) or (values and values.count(None) == len(values)):
        return []
    key = keys.encode_terms(terms)
    found = _value_keys(index, [tuple(values)], document.ref) if len(key) <= MAX_COMPONENT else []
    return [Entry(key, value, cover) for value, cover in found]


def _scalars(fields: list[Field], document: v.Document) -> Optional[list[Any]]:
    """What each field finds: a scalar, or None where there is nothing. None if one may find something else."""
    found: list[Any] = []
    for field in fields:
        if field.plain is None:
            return None
        value: Any = document.fields if field.plain else document.ref
        for step in field.plain:
            if type(value) is not dict:
                if value is not None:
                    return None
                break
            value = value.get(step)
        kind = type(value)
        if kind not in _PLAIN or (field.casefold and kind is str):
            return None
        found.append(value)
    return found


def _tuples(
    ctx: Context, index: Index, fields: list[Field], source: Source, document: v.Document, as_terms: bool
) -> list[tuple[Any, ...]]:
    """A document's tuples of terms, or of values: every combination of what each field finds, but none of nulls alone."""
    if not fields:
        return [()]
    components = []
    for field in fields:
        if as_terms and field.is_time:
            components.append([v.PENDING])
        elif as_terms and field.binding is not None:
            components.append(_bound_terms(ctx, field, source.bindings.get(field.binding), document))
        else:
            components.append(_component(ctx, field, source, document))
    found = _combined(index, components, document.ref)
    if as_terms and any(field.is_time or field.binding is not None for field in fields):
        return [tuple([None if term is v.PENDING else term for term in each]) for each in found]
    return found


def _combined(index: Index, components: list[list[Any]], ref: v.Ref) -> list[tuple[Any, ...]]:
    """Every combination of the components, without those of nulls alone. Raises RequestError if they are too many."""
    if len(components) == 1:
        return [(value,) for value in components[0] if value is not None]
    total = 1
    for component in components:
        total *= len(component)
    if total > MAX_ENTRIES // (keys.SUFFIX_LENGTH * len(components)):
        raise _too_large(index, ref, total * keys.SUFFIX_LENGTH * len(components))
    return [
        combination for combination in product(*components) if any(value is not None for value in combination)
    ]


def _component(ctx: Context, field: Field, source: Source, document: v.Document) -> list[Any]:
    """What one term or value of an index finds in a version: each value once, [None] if there is none."""
    if field.name is not None:
        data = document.fields.get("data")
        found = data.get(field.name) if type(data) is dict else None
        kind = type(found)
        if field.mva and kind in _PLAIN and not (field.casefold and kind is str):
            return [found]
    if field.binding is not None:
        bound = _bound(ctx, source.bindings.get(field.binding), document)
        return _bound_component(field, [_settled(ctx, value) for value in bound])
    if field.mva:
        return _distinct(_expanded(ctx, field, document))
    return [_whole(ctx, field, document)]


_PLAIN = frozenset((int, float, bool, type(None), str, v.Ref))
_SCALARS = frozenset(v.SCALAR_TYPES)


def _expanded(ctx: Context, field: Field, document: v.Document) -> list[Any]:
    """Every scalar that a path leads to, also within arrays. Values of other types count as null."""
    found = list(_flat(_collect(ctx, document, field.path or [], 0)))
    if field.casefold:
        if any(type(value) is dict for value in found):
            return []
        found = _casefolded(found)
    return [_settled(ctx, value) if type(value) in _SCALARS else None for value in found]


def _collect(ctx: Context, value: Any, path: Sequence[Step], depth: int) -> list[Any]:
    """The values at the rest of a path. A string step is taken in each element of an array; what is not there is left out."""
    while depth < len(path):
        step = path[depth]
        if type(value) is list and type(step) is str:
            found: list[Any] = []
            for element in value:
                found.extend(_collect(ctx, element, path, depth))
            return found
        value = walk(ctx, value, [step])
        if value is NOT_FOUND:
            return []
        depth += 1
    return [value]


def _flat(values: list[Any]) -> Iterator[Any]:
    """The values, with the elements of arrays in place of the arrays."""
    for value in values:
        if type(value) is list:
            yield from _flat(value)
        else:
            yield value


def _whole(ctx: Context, field: Field, document: v.Document) -> Any:
    """The value at a path as a whole, for ``mva: false``. With casefold: only an array of scalars, anything else is null."""
    found = walk(ctx, document, field.path or [])
    if found is NOT_FOUND:
        return None
    if not field.casefold:
        return _settled(ctx, found)
    if type(found) is not list or not all(type(value) in _SCALARS for value in found):
        return None
    return [casefold(value) if type(value) is str else _settled(ctx, value) for value in found]


def _pending(document: v.Document) -> v.Document:
    """The document with a ``ts`` that is not known yet. Bindings see it so at any time, as they did when it was written:
    otherwise an entry that has to be ended would be computed with another key than it was added with.
    """
    return v.Document(document.ref, v.PENDING, document._fields, text=document.text)


def _bound_terms(ctx: Context, field: Field, fn: Optional[v.Lambda], document: v.Document) -> list[Any]:
    """What a binding gives as terms. The document's ``ts`` among them stands for null as well, as which it is stored."""
    bound = _bound(ctx, fn, _pending(document))
    if any(value is v.PENDING for value in bound):
        bound = [value for value in bound if value is not None]
    return _bound_component(field, [each if each is v.PENDING else _settled(ctx, each) for each in bound])


def _bound_component(field: Field, bound: list[Any]) -> list[Any]:
    """As `_component`, for the values that a binding gives."""
    return _distinct(_casefolded(bound) if field.casefold else bound)


def _bound(ctx: Context, fn: Optional[v.Lambda], document: v.Document) -> list[Any]:
    """The values that a binding gives for a document; none if it fails. Times may be among them that are not known yet."""
    if fn is None:
        return []
    try:
        with ctx.restricted(effect=PURE, reason="index bindings", version=fn.version):
            found = apply(ctx, fn, document, None)
    except (QueryErrors, RequestError):
        ctx.check_deadline()
        return []
    if type(found) is list:
        return [value if type(value) in _SCALARS else None for value in found]
    return [found] if type(found) in _SCALARS else []


def _settled(ctx: Context, value: Any) -> Any:
    """The value as it is stored: with the running transaction's time in place of times that are not known yet."""
    kind = type(value)
    if kind is v.PendingTime:
        txn = ctx.writer().txn
        return txn if value is v.PENDING else Time.from_micros(txn)
    if kind is v.Action:
        return value.name
    if kind is list:
        return [_settled(ctx, item) for item in value]
    if kind is dict:
        return {key: _settled(ctx, item) for key, item in value.items()}
    return value


def _distinct(values: list[Any]) -> list[Any]:
    """The values, each once; [None] if there are none."""
    if not values:
        return [None]
    if len(values) == 1:
        return values
    found: dict[bytes, Any] = {}
    for value in values:
        found.setdefault(keys.exact(value), value)
    return list(found.values())


def _casefolded(values: list[Any]) -> list[Any]:
    return [casefold(value) if type(value) is str else value for value in values]


def casefold(text: str) -> str:
    """The Unicode NFKC_Casefold of a string, which is what ``transform: casefold`` makes of it."""
    if text.isascii():
        return text.lower()
    return nfkc_casefold(text)


# ---- keys -------------------------------------------------------------------------------------------------------


def _value_keys(index: Index, values: list[tuple[Any, ...]], ref: v.Ref) -> list[tuple[bytes, Optional[str]]]:
    """The keys and the stored JSON of the value tuples; those that are too large are left out."""
    if not index.values:
        return [(keys.ref_suffix(ref.coll, ref.id), None)]
    encoded = {}
    for combination in values:
        key = keys.encode_values(combination, index.descending, ref)
        if (
            len(key) > _SURELY_FITS
            and len(keys.encode_terms(combination)) + keys.SUFFIX_LENGTH > MAX_COMPONENT
        ):
            continue
        # 1 and 1.0 have the same place in the order, but are two entries: bytes after the ref make their keys differ.
        while key in encoded:
            key += b"\xff"
        encoded[key] = codec.encode_value(list(combination), scope=index.scope)
    return list(encoded.items())


def _check_size(
    index: Index, ref: v.Ref, terms: list[bytes], values: list[tuple[bytes, Optional[str]]]
) -> None:
    """Raise RequestError if a document's entries in an index are too large together. (Less than 64 cannot be.)"""
    if len(terms) * len(values) < 64:
        return
    size = sum(map(len, terms)) * len(values)
    size += sum(len(key) + len(cover or "") for key, cover in values) * len(terms)
    if size > MAX_ENTRIES:
        raise _too_large(index, ref, size)


def _too_large(index: Index, ref: v.Ref, size: int) -> Exception:
    return bad_request(
        f"Index entries for doc {ref.id} in scope {ref.scope} and index {index.id} "
        f"have estimated byte size {size} that exceeds limit {MAX_ENTRIES}"
    )


def check_terms(key: bytes) -> bytes:
    """The key of a term tuple to look up, unchanged. Raises RequestError (400) if it is too long for a key."""
    if len(key) > MAX_COMPONENT:
        raise bad_request(f"buf length {len(key)} exceeds {MAX_COMPONENT}")
    return key


# ---- uniqueness -------------------------------------------------------------------------------------------------


def taken(ctx: Context, index: Index, entry: Entry, ref: v.Ref) -> bool:
    """Whether a unique index already has an entry with these terms and values, of another live document."""
    prefix, _ = keys.split(entry.values, ref.coll, ref.id)
    scope = index.scope
    for row in ctx.snap.entries(scope, index.id, entry.terms, lower=prefix, upper=keys.after(prefix)):
        ctx.read(len(row.values))
        if row.doc == ref.id and row.coll == ref.coll:
            continue
        if (row.ttl is not None and row.ttl <= ctx.time) or not _same_cover(row.cover, entry.cover, scope):
            continue
        if ctx.schema.collection(scope, row.coll) is not None:
            return True
    return False


def _same_cover(left: Optional[str], right: Optional[str], scope: int) -> bool:
    """Whether the stored values of two entries are exactly the same. (1 and 1.0 differ, although their keys do not.)"""
    if left == right or left is None or right is None:
        return left == right
    first, second = codec.decode_value(left, scope), codec.decode_value(right, scope)
    return keys.exact(first) == keys.exact(second)
