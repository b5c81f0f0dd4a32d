"""Derived ids are version 5 UUIDs, as anybody can compute them."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from schemas.identifiers import NAMESPACE, derived


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_derived_id_is_the_uuid5_of_the_parts_joined_by_a_bar(parts: list[str]) -> None:
    assume_encodable = [part.encode("utf-8", "replace").decode() for part in parts]
    expected = uuid.uuid5(NAMESPACE, "|".join(assume_encodable))
    assert derived(*assume_encodable) == str(expected)
