"""The form in which words are compared."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from micore.storage.search import fold


def taken_apart(words: str) -> str:
    """The rule as it reads: every line's words with single spaces between."""
    plain = unicodedata.normalize("NFKC", words).casefold().replace("ё", "е").replace("\x00", " ")
    return "\n".join(" ".join(line.split()) for line in plain.split("\n"))


@given(st.text(st.one_of(st.sampled_from(" \n\t\r\x00\x0b\x1c\x85\u00a0\u2028\u3000aЁ"), st.characters()), max_size=12))
@example("a\n")
@example("a \nb")
@example(" ")
def test_a_text_that_is_left_alone_was_in_order(words: str) -> None:
    assert fold(words) == taken_apart(words)


@pytest.mark.parametrize(
    ("words", "folded"),
    [("Ёлка  Новогодняя", "елка новогодняя"), ("ＡＢ\t1\n 2 ", "ab 1\n2"), ("straße", "strasse")],
)
def test_no_case_no_forms_no_white_space_counts(words: str, folded: str) -> None:
    assert fold(words) == folded
