"""The content hash is equal exactly where the JSON values are equal, `sent_at` aside."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.validation.content_hash import content_hash
from data_pipeline.validation.exact.strict_json import parse_object


def of(text: str) -> str:
    return content_hash(parse_object(text.encode()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":{"c":2,"d":3}}', '{ "b": {"d":3, "c":2}, "a":1 }'),
        ('{"a":12}', '{"a":12.0}'),
        ('{"a":12}', '{"a":1.2e1}'),
        ('{"a":0}', '{"a":-0.0}'),
        ('{"a":0.10}', '{"a":1e-1}'),
        ('{"a":1e30}', '{"a":1000000000000000000000000000000.0}'),
        ('{"a":"é"}', '{"a":"\\u00e9"}'),
        ('{"a":1,"sent_at":"x"}', '{"a":1}'),
    ],
)
def test_equal_values_have_equal_hashes(one: str, other: str) -> None:
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":null}', "{}"),
        ('{"a":1}', '{"a":"1"}'),
        ('{"a":1}', '{"a":true}'),
        ('{"a":[1,2]}', '{"a":[2,1]}'),
        ('{"a":{"b":1},"c":{"d":2}}', '{"a":{"d":2},"c":{"b":1}}'),
        ('{"a":{"sent_at":1}}', '{"a":{"sent_at":2}}'),
        ('{"a":"b"}', '{"b":"a"}'),
        ('{"a":""}', '{"a":"\\u0000"}'),
        ('{"a":[[]]}', '{"a":[[],[]]}'),
        ('{"a":{}}', '{"a":[]}'),
        ('{"a":0.1}', '{"a":0.10000000000000001}'),
        ('{"a":1e30}', '{"a":1e31}'),
    ],
)
def test_other_values_have_other_hashes(one: str, other: str) -> None:
    assert of(one) != of(other)


def test_the_definition_never_changes() -> None:
    assert of('{"a":[1,-2.5,null,true,false,"x",{"long string of text":1e40}],"sent_at":1}') == FROZEN


FROZEN = "8af6a11c25b186db32c249b5bff46640"

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), _VALUES, max_size=4), st.dictionaries(st.text(max_size=5), _VALUES, max_size=4))
def test_hashes_agree_with_equality(one: dict[str, object], other: dict[str, object]) -> None:
    def spelt(value: dict[str, object]) -> str:
        return json.dumps({name: item for name, item in value.items() if name != "sent_at"}, sort_keys=True)

    assert (content_hash(one) == content_hash(other)) == (spelt(one) == spelt(other))
    assert content_hash(one) == content_hash(dict(reversed(one.items())))
