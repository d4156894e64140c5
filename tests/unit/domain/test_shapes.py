"""What has changed in the shape of an answer."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from micore.domain.findings import FindingKind
from micore.domain.shapes import Shape, drift, merge, observe

ROW: dict[str, Any] = {"sku": 1, "status": "delivered", "price": "700", "cancel": None, "place": {"id": 1}}


def known(rows: int = 250, **row: Any) -> Shape:
    shape: Shape = {}
    for _ in range(rows // 25):
        shape = merge(shape, observe({"items": [{**ROW, **row} for _ in range(25)]}))
    return shape


def found(row: dict[str, Any], shape: Shape | None = None) -> list[tuple[str, str]]:
    seen = observe({"items": [row] * 25})
    return [(each.kind.value, each.facts["field"]) for each in drift("GET /x", shape or known(), seen)]


def test_the_same_shape_has_nothing_to_say() -> None:
    assert found(ROW) == []
    assert found({**ROW, "sku": 2.5, "price": None}) == []


def test_a_new_field_is_told_once_and_by_its_outermost_name() -> None:
    assert found({**ROW, "tags": {"a": 1, "b": {"c": 1}}}) == [("new_field", "items[].tags")]
    again = merge(known(), observe({"items": [{**ROW, "tags": {"a": 1}}] * 25}))
    assert found({**ROW, "tags": {"a": 1}}, again) == []


def test_a_field_that_was_always_there_and_is_gone_is_told() -> None:
    assert found({name: value for name, value in ROW.items() if name != "sku"}) == [("vanished_field", "items[].sku")]


def test_another_type_is_told_and_null_is_none() -> None:
    assert found({**ROW, "sku": "1"}) == [("changed_type", "items[].sku")]
    assert found({**ROW, "sku": None}) == []
    assert found({**ROW, "cancel": {"by": "buyer"}}) == []


def test_a_new_word_among_few_is_told_and_free_text_is_not() -> None:
    assert found({**ROW, "status": "teleported"}) == [("new_value", "items[].status")]
    assert found({**ROW, "price": "800"}) == []
    assert found({**ROW, "status": "teleported"}, known(100)) == []


def test_a_field_that_comes_and_goes_is_not_missed() -> None:
    sometimes = merge(known(), observe({"items": [{**ROW, "gift": True}]}))
    assert found(ROW, sometimes) == []


def test_little_known_tells_nothing() -> None:
    assert found({"sku": "1", "x": 1}, known(25)) == []
    assert drift("GET /x", {}, observe(ROW)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@given(answer=JSON)
def test_any_answer_has_a_shape_that_agrees_with_itself(answer: Any) -> None:
    shape = observe(answer)
    assert all(0 < each.present <= each.looked for each in shape.values())
    whole: Shape = {}
    for _ in range(60):
        whole = merge(whole, shape)
    kinds = {each.kind for each in drift("GET /x", whole, shape)}
    assert not kinds - {FindingKind.NEW_VALUE}
