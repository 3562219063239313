"""The FQL v4 functions by name: what the JavaScript and Python drivers call them, and their wire keys.

One table serves the JavaScript-style parser (name and arguments -> wire form), the renderer (wire form -> text)
and completion. A signature is written as the wire keys in the order of the arguments:

``key``    a required argument
``key?``   an optional argument, left out of the form when it is not given
``key*``   all further arguments: one alone is sent bare, any other number as an array
``key[]``  all further arguments, always sent as an array
``key=``   an optional argument, sent as null when it is not given
``key!``   no argument at all; the key is sent as null
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BY_JAVASCRIPT", "BY_KEYS", "FUNCTIONS", "FqlFunction", "Parameter", "find_function"]


class Parameter(NamedTuple):
    """One argument of a function: its wire key, and the mark behind it in a signature (``""``: required)."""

    key: str
    kind: str

    @property
    def required(self) -> bool:
        return self.kind == ""


class FqlFunction(NamedTuple):
    """One FQL function: its JavaScript name, its Python name (``None``: not in that driver) and its parameters."""

    javascript: str
    python: str | None
    parameters: tuple[Parameter, ...]
    python_parameters: tuple[Parameter, ...]

    @property
    def least(self) -> int:
        """How many arguments must be given."""
        return sum(1 for parameter in self.parameters if parameter.required)

    @property
    def most(self) -> int | None:
        """How many arguments may be given; ``None`` for any number."""
        if any(parameter.kind in ("*", "[]") for parameter in self.parameters):
            return None
        return sum(1 for parameter in self.parameters if parameter.kind != "!")


def _parameters(signature: str) -> tuple[Parameter, ...]:
    found = []
    for word in signature.split():
        key = word.rstrip("?*[]=!")
        found.append(Parameter(key, word[len(key) :]))
    return tuple(found)


# JavaScript name | Python name | arguments | arguments in Python, where the order differs
_TABLE = """
Abort | abort | abort
At | at | at expr
If | if_ | if then else
Do | do | do[]
Var | var | var
Call | call | call arguments*
Query | query | query
Map | map_ | collection map | map collection
Foreach | foreach | collection foreach | foreach collection
Filter | filter_ | collection filter | filter collection
Reduce | reduce | reduce initial collection
Merge | merge | merge with lambda?
Take | take | take collection
Drop | drop | drop collection
Prepend | prepend | prepend collection
Append | append | append collection
IsEmpty | is_empty | is_empty
IsNonEmpty | is_nonempty | is_nonempty
IsNumber | is_number | is_number
IsDouble | is_double | is_double
IsInteger | is_integer | is_integer
IsBoolean | is_boolean | is_boolean
IsNull | is_null | is_null
IsBytes | is_bytes | is_bytes
IsTimestamp | is_timestamp | is_timestamp
IsDate | is_date | is_date
IsUUID | - | is_uuid
IsString | is_string | is_string
IsArray | is_array | is_array
IsObject | is_object | is_object
IsRef | is_ref | is_ref
IsSet | is_set | is_set
IsDoc | is_doc | is_doc
IsLambda | is_lambda | is_lambda
IsCollection | is_collection | is_collection
IsDatabase | is_database | is_database
IsIndex | is_index | is_index
IsFunction | is_function | is_function
IsKey | is_key | is_key
IsToken | is_token | is_token
IsCredentials | is_credentials | is_credentials
IsRole | is_role | is_role
Get | get | get ts?
KeyFromSecret | key_from_secret | key_from_secret
Exists | exists | exists ts?
First | - | first
Last | - | last
Create | create | create params?
Update | update | update params?
Replace | replace | replace params?
Delete | delete | delete
Insert | insert | insert ts action params?
Remove | remove | remove ts action
CreateClass | create_class | create_class
CreateCollection | create_collection | create_collection
CreateDatabase | create_database | create_database
CreateIndex | create_index | create_index
CreateKey | create_key | create_key
CreateFunction | create_function | create_function
CreateRole | create_role | create_role
CreateAccessProvider | create_access_provider | create_access_provider
MoveDatabase | move_database | move_database to
Singleton | singleton | singleton
Events | events | events
Documents | documents | documents
Match | match | match terms*
Union | union | union*
Intersection | intersection | intersection*
Difference | difference | difference*
Distinct | distinct | distinct
Reverse | reverse | reverse
Join | join | join with
Range | range | range from to
Login | login | login params
Logout | logout | logout
Identify | identify | identify password
Identity | identity | identity!
CurrentIdentity | current_identity | current_identity!
HasIdentity | has_identity | has_identity!
HasCurrentIdentity | has_current_identity | has_current_identity!
CurrentToken | current_token | current_token!
HasCurrentToken | has_current_token | has_current_token!
Concat | concat | concat separator?
Casefold | casefold | casefold normalizer?
ContainsStr | contains_str | containsstr search
ContainsStrRegex | contains_str_regex | containsstrregex pattern
StartsWith | starts_with | startswith search
EndsWith | ends_with | endswith search
RegexEscape | regex_escape | regexescape
FindStr | find_str | findstr find start?
FindStrRegex | find_str_regex | findstrregex pattern start? num_results?
Length | length | length
LowerCase | lowercase | lowercase
UpperCase | uppercase | uppercase
TitleCase | titlecase | titlecase
Trim | trim | trim
LTrim | ltrim | ltrim
RTrim | rtrim | rtrim
NGram | ngram | ngram min? max?
Repeat | repeat | repeat number?
ReplaceStr | replace_str | replacestr find replace
ReplaceStrRegex | replace_str_regex | replacestrregex pattern replace first?
Space | space | space
SubString | substring | substring start? length?
Format | format | format values*
Time | time | time
Date | date | date
Epoch | epoch | epoch unit
Now | now | now!
TimeAdd | time_add | time_add offset unit
TimeSubtract | time_subtract | time_subtract offset unit
TimeDiff | time_diff | time_diff other unit
NewId | new_id | new_id!
NextId | next_id | next_id!
Database | database | database scope?
Index | index | index scope?
Class | class_ | class scope?
Collection | collection | collection scope?
Function | function | function scope?
Role | role | role scope?
AccessProvider | access_provider | access_provider scope?
Databases | databases | databases=
Indexes | indexes | indexes=
Classes | classes | classes=
Collections | collections | collections=
Functions | functions | functions=
Roles | roles | roles=
AccessProviders | access_providers | access_providers=
Keys | keys | keys=
Tokens | tokens | tokens=
Credentials | credentials | credentials=
Equals | equals | equals*
Contains | contains | contains in
ContainsPath | contains_path | contains_path in
ContainsField | contains_field | contains_field in
ContainsValue | contains_value | contains_value in
Select | select | select from default?
SelectAll | select_all | select_all from
SelectAsIndex | - | select_as_index from
Abs | abs | abs
Add | add | add*
BitAnd | bitand | bitand*
BitNot | bitnot | bitnot
BitOr | bitor | bitor*
BitXor | bitxor | bitxor*
Ceil | ceil | ceil
Divide | divide | divide*
Floor | floor | floor
Max | max | max*
Min | min | min*
Modulo | modulo | modulo*
Multiply | multiply | multiply*
Round | round | round precision?
Subtract | subtract | subtract*
Sign | sign | sign
Sqrt | sqrt | sqrt
Trunc | trunc | trunc precision?
Count | count | count
Sum | sum | sum
Mean | mean | mean
Any | any | any
All | all | all
Acos | acos | acos
Asin | asin | asin
Atan | atan | atan
Cos | cos | cos
Cosh | cosh | cosh
Degrees | degrees | degrees
Exp | exp | exp
Hypot | hypot | hypot b?
Ln | ln | ln
Log | log | log
Pow | pow | pow exp?
Radians | radians | radians
Sin | sin | sin
Sinh | - | sinh
Tan | tan | tan
Tanh | tanh | tanh
LT | lt | lt*
LTE | lte | lte*
GT | gt | gt*
GTE | gte | gte*
And | and_ | and*
Or | or_ | or*
Not | not_ | not
ToString | to_string | to_string
ToNumber | to_number | to_number
ToDouble | to_double | to_double
ToInteger | to_integer | to_integer
ToObject | to_object | to_object
ToArray | to_array | to_array
ToTime | to_time | to_time
ToDate | to_date | to_date
ToSeconds | to_seconds | to_seconds
ToMillis | to_millis | to_millis
ToMicros | to_micros | to_micros
DayOfMonth | day_of_month | day_of_month
DayOfWeek | day_of_week | day_of_week
DayOfYear | day_of_year | day_of_year
Second | second | second
Minute | minute | minute
Hour | hour | hour
Month | month | month
Year | year | year
"""


def _read_table() -> list[FqlFunction]:
    functions = []
    for line in _TABLE.strip().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        parameters = _parameters(cells[2])
        python_parameters = _parameters(cells[3]) if len(cells) > 3 else parameters
        python = None if cells[1] == "-" else cells[1]
        functions.append(FqlFunction(cells[0], python, parameters, python_parameters))
    return functions


#: Every function that is a call and nothing else. ``Ref``, ``Let``, ``Lambda``, ``Object``, ``Bytes`` and
#: ``Paginate`` have a shape of their own and are known to the parser and the renderer by name.
FUNCTIONS: list[FqlFunction] = _read_table()

BY_JAVASCRIPT: dict[str, FqlFunction] = {function.javascript: function for function in FUNCTIONS}


def _key_sets(function: FqlFunction) -> list[frozenset[str]]:
    """Every set of wire keys that a call of ``function`` can produce."""
    sets = [
        frozenset(
            p.key for p in function.parameters if p.kind not in ("?", "*") or p is function.parameters[0]
        )
    ]
    for parameter in function.parameters[1:]:
        if parameter.kind in ("?", "*"):
            sets += [keys | {parameter.key} for keys in sets]
    return sets


#: Each function by every set of wire keys that its calls produce.
BY_KEYS: dict[frozenset[str], FqlFunction] = {
    keys: function for function in FUNCTIONS for keys in _key_sets(function)
}


def find_function(keys: frozenset[str]) -> FqlFunction | None:
    """The function whose form has exactly these wire keys, or ``None``."""
    return BY_KEYS.get(keys)
