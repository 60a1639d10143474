import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.files.reading import NULL_WORDS
from crmml.transactions._log_identifiers import are_plainly_edged

WORDS = "|".join(map(re.escape, NULL_WORDS))
ODD = re.compile(rf"(?i)^[\t\n\v\f\r \u00a00']|[\t\n\v\f\r \u00a0]\Z|\.0\Z|^({WORDS})?\Z")
TEXTS = st.text("aN0.1 \t\v\u00a0éàul<>#/-\\'", max_size=5) | st.sampled_from(NULL_WORDS)


@pytest.mark.parametrize(
    "text", ["C1", "1", "10", ".5", "a.10", "x0", "Nancy", "None of them", "-12345", "#12345", "é", "1 2", "中", "b'"]
)
def test_plain_identifiers_are_known_by_their_edges(text):
    assert are_plainly_edged(pa.chunked_array([[text, None, "C2"], ["C3"]]))


@pytest.mark.parametrize("text", ["", "0", "007", " a", "a\t", "\u00a0a", "a\u00a0", "17850.0", "NULL", "<na>", "'=a"])
def test_one_odd_identifier_among_many_is_seen(text):
    assert not are_plainly_edged(pa.chunked_array([["C1", None], ["C2", text, "C3"]]))
    assert not are_plainly_edged(pa.chunked_array([pa.array(["0", "C1", text])[1:]]))


@given(st.lists(TEXTS | st.none(), max_size=4))
def test_no_odd_identifier_passes(texts):
    column = pa.chunked_array([texts], pa.string())
    if are_plainly_edged(column):
        assert not any(ODD.search(text) for text in texts if text is not None)


def test_what_is_not_there_is_plain():
    assert are_plainly_edged(pa.chunked_array([[None, None], []], pa.string()))
    assert are_plainly_edged(pa.chunked_array([], pa.string()))
    assert not are_plainly_edged(pa.chunked_array([["a"]], pa.large_string()))  # of another layout
