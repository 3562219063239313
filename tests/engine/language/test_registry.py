"""The registry against the complete table of v4 forms (evaluation rules, "Complete table of v4 forms")."""

from __future__ import annotations

import inspect

import pytest

import faunadb.engine.functions  # noqa: F401  (registers the forms)
from faunadb.engine.language.registry import FORMS, PURE, READ, VERSIONS, WRITE, table

P, R, W, FREE = PURE, READ, WRITE, None

# required keys | optional keys | effect | since
TABLE = """
at expr | | - | 2.0
var | | - | 2.0
let in | | - | 2.0
if then else | | - | 2.0
do | | - | 2.0
and | | - | 3
or | | - | 3
quote | | - | 2.0
object | | - | 2.0
call | arguments | - | 2.0
query | | P | 2.0
abort | | P | 2.0
select from | all default | - | 3
select_all from | default | - | 3
select_as_index from | default | - | 3
map collection | | P | 2.0
foreach collection | | P | 2.0
filter collection | | P | 2.0
reduce initial collection | | R | 2.0
merge with | lambda | P | 2.0
join with | | P | 2.0
equals | | P | 2.0
lt | | P | 2.0
lte | | P | 2.0
gt | | P | 2.0
gte | | P | 2.0
not | | P | 2.0
contains in | | P | 2.0
contains_path in | | P | 3
contains_field in | | P | 3
contains_value in | | R | 3
prepend collection | | P | 2.0
append collection | | P | 2.0
take collection | | P | 2.0
drop collection | | P | 2.0
is_empty | | P | 2.0
is_nonempty | | P | 2.0
count | | R | 2.0
sum | | R | 2.0
mean | | R | 2.0
max | | R | 2.0
min | | R | 2.0
any | | R | 2.0
all | | R | 2.0
reverse | | P | 2.0
distinct | | P | 2.0
concat | separator | P | 2.0
casefold | normalizer | P | 2.0
regexescape | | P | 2.0
startswith search | | P | 2.0
endswith search | | P | 2.0
containsstr search | | P | 2.0
containsstrregex pattern | | P | 2.0
findstr find | start | P | 2.0
findstrregex pattern | start num_results | P | 2.0
length | | P | 2.0
lowercase | | P | 2.0
uppercase | | P | 2.0
titlecase | | P | 2.0
trim | | P | 2.0
ltrim | | P | 2.0
rtrim | | P | 2.0
ngram | min max | P | 2.0
repeat | number | P | 2.0
replacestr find replace | | P | 2.0
replacestrregex pattern replace | first | P | 2.0
space | | P | 2.0
substring | start length | P | 2.0
format values | | P | 2.0
add | | P | 2.0
subtract | | P | 2.0
multiply | | P | 2.0
divide | | P | 2.0
modulo | | P | 2.0
bitand | | P | 2.0
bitor | | P | 2.0
bitxor | | P | 2.0
abs | | P | 2.0
bitnot | | P | 2.0
ceil | | P | 2.0
floor | | P | 2.0
sign | | P | 2.0
sqrt | | P | 2.0
round | precision | P | 2.0
trunc | precision | P | 2.0
acos | | P | 2.0
asin | | P | 2.0
atan | | P | 2.0
cos | | P | 2.0
cosh | | P | 2.0
degrees | | P | 2.0
exp | | P | 2.0
ln | | P | 2.0
log | | P | 2.0
radians | | P | 2.0
sin | | P | 2.0
sinh | | P | 2.0
tan | | P | 2.0
tanh | | P | 2.0
hypot | b | P | 2.0
pow | exp | P | 2.0
ref id | scope | P | 2.0
database | scope | P | 2.0
index | scope | P | 2.0
class | scope | P | 2.0
collection | scope | P | 2.0
function | scope | P | 2.0
role | scope | P | 2.0
access_provider | scope | P | 4
databases | | P | 2.0
indexes | | P | 2.0
classes | | P | 2.0
collections | | P | 2.0
keys | | P | 2.0
tokens | | P | 2.0
credentials | | P | 2.0
functions | | P | 2.0
roles | | P | 2.0
access_providers | | P | 4
new_id | | W | 2.0
next_id | | W | 2.0
singleton | | P | 2.0
events | | P | 2.0
documents | | P | 2.0
match | | P | 2.0
match terms | | P | 2.0
match index | | P | 2.0
union | | P | 2.0
intersection | | P | 2.0
difference | | P | 2.0
range from to | | P | 2.0
get | ts | R | 2.0
exists | ts | R | 2.0
first | | R | 4
last | | R | 4
key_from_secret | | R | 2.0
paginate | after ts size events sources | R | 2.0
paginate before | ts size events sources | R | 2.0
paginate cursor | ts size events sources | R | 2.0
create | params | W | 2.0
update | params | W | 2.0
replace | params | W | 2.0
delete | | W | 2.0
insert ts action | params | W | 2.0
remove ts action | | W | 2.0
create_class | | W | 2.0
create_collection | | W | 2.0
create_database | | W | 2.0
create_index | | W | 2.0
create_key | | W | 2.0
create_function | | W | 2.0
create_role | | W | 2.0
create_access_provider | | W | 4
move_database to | | W | 2.0
login params | | W | 2.0
logout | | W | 2.0
identify password | | R | 2.0
identity | | R | 2.0
has_identity | | R | 2.0
current_identity | | R | 4
has_current_identity | | R | 4
current_token | | R | 4
has_current_token | | P | 4
time | | P | 2.0
date | | P | 2.0
now | | P | 2.0
epoch unit | | P | 2.0
to_micros | | P | 2.0
to_millis | | P | 2.0
to_seconds | | P | 2.0
second | | P | 2.0
minute | | P | 2.0
hour | | P | 2.0
day_of_month | | P | 2.0
day_of_week | | P | 2.0
day_of_year | | P | 2.0
month | | P | 2.0
year | | P | 2.0
time_add offset unit | | P | 2.0
time_subtract offset unit | | P | 2.0
time_diff other unit | | P | 2.0
to_string | | P | 2.0
to_number | | P | 2.0
to_double | | P | 2.0
to_integer | | P | 2.0
to_time | | P | 2.0
to_date | | P | 2.0
to_object | | P | 2.0
to_array | | P | 2.0
is_number | | P | 2.0
is_double | | P | 2.0
is_integer | | P | 2.0
is_boolean | | P | 2.0
is_null | | P | 2.0
is_bytes | | P | 2.0
is_timestamp | | P | 2.0
is_date | | P | 2.0
is_uuid | | P | 2.0
is_string | | P | 2.0
is_array | | P | 2.0
is_object | | P | 2.0
is_ref | | P | 2.0
is_set | | P | 2.0
is_doc | | P | 2.0
is_lambda | | P | 2.0
is_collection | | P | 2.0
is_database | | P | 2.0
is_index | | P | 2.0
is_function | | P | 2.0
is_key | | P | 2.0
is_token | | P | 2.0
is_credentials | | P | 2.0
is_role | | P | 2.0
"""

EFFECTS = {"-": FREE, "P": P, "R": R, "W": W}
UNSTABLE_ONLY = (
    "regex_escape starts_with ends_with contains_str find_str lower_case upper_case title_case l_trim r_trim "
    "sub_string replace_str split_str split_str_regex bit_and bit_or bit_xor bit_not issue_access_jwt"
).split()


def rows():
    for line in TABLE.strip().splitlines():
        required, optional, effect, since = (part.strip() for part in line.split("|"))
        yield frozenset(required.split()), frozenset(optional.split()), EFFECTS[effect], since


def _shown(value):
    return " ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


@pytest.mark.parametrize(("required", "optional", "effect", "since"), list(rows()), ids=_shown)
def test_every_form_of_the_table_is_registered(required, optional, effect, since):
    form = table("4").get(required)
    assert form is not None, f"no form for {sorted(required)}"
    assert table("4").get(required | optional) is form
    assert form.effect == effect
    assert form.since == since


def test_nothing_else_is_registered():
    expected = {keys for required, optional, _, _ in rows() for keys in _subsets(required, optional)}
    assert {tuple(sorted(keys)) for keys in table("4")} == {tuple(sorted(keys)) for keys in expected}


def _subsets(required, optional):
    sets = [required]
    for key in optional:
        sets += [keys | {key} for keys in sets]
    return sets


@pytest.mark.parametrize("name", UNSTABLE_ONLY)
def test_unstable_spellings_do_not_exist(name):
    assert all(name not in keys for keys in table("4"))


def test_later_forms_do_not_exist_in_lambdas_of_older_versions():
    assert frozenset(("contains_path", "in")) not in table("2.12")
    assert frozenset(("first",)) not in table("3")
    assert table("2.12")[frozenset(("and",))].function is not None  # eager there
    assert table("4")[frozenset(("and",))].parse is not None


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_every_form_is_documented(form):
    assert inspect.cleandoc(form.doc).strip()
    assert form.since in VERSIONS
