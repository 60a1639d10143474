import datetime as dt
import hmac
import traceback
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.customers import integrate, pseudonymize
from crmml.customers._canonical_text import INVISIBLE
from crmml.customers.pseudonyms import KEY_VARIABLE

KEY = "for tests only, never for customers"


def hidden(values, **options):
    return pseudonymize(pd.DataFrame({"id": values}), "id", **{"key": KEY, **options})["id"].tolist()


@pytest.mark.parametrize(
    ("key", "text", "length", "wanted"),
    [  # RFC 4231, sections 4.2, 4.6 (truncated) and 4.7
        (b"\x0b" * 20, "Hi There", 64, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"\x0c" * 20, "Test With Truncation", 32, "a3b6167473100ee06e0c796c2955552b"),
        (
            b"\xaa" * 131,
            "Test Using Larger Than Block-Size Key - Hash Key First",
            64,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ],
)
def test_published_vectors(key, text, length, wanted):
    assert hidden([text], key=key, length=length) == [wanted]


def test_on_every_engine(engine):
    data = pd.DataFrame(
        {
            "row": [1, 2, 3, 4],
            "id": ["H-1", None, "H-2", "H-1"],
            "number": [12.0, np.nan, 13.0, 12.0],
            "beds": [1, 2, 3, 4],
        }
    )
    result = pseudonymize(engine.frame(data), ["id", "number"], key=KEY)
    assert engine.owns(result)
    found = engine.pandas(result)
    assert list(found) == list(data)
    for name in ("id", "number"):
        assert found[name].isna().tolist() == [False, True, False, False]
        assert found[name].dropna().tolist() == hidden(data[name].dropna().tolist())
    assert found["row"].tolist() == data["row"].tolist()
    assert found["beds"].tolist() == data["beds"].tolist()


def test_an_empty_frame_on_every_engine(engine):
    data = pd.DataFrame({"id": pd.Series([], dtype="int64"), "beds": pd.Series([], dtype="int64")})
    assert engine.pandas(pseudonymize(engine.frame(data), "id", key=KEY)).shape == (0, 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=10), st.binary(min_size=16, max_size=80))
def test_equal_identifiers_alone_are_equal(texts, key):
    found = hidden(pd.Series(texts, dtype=object), key=key)
    for text, pseudonym in zip(texts, found, strict=True):
        if text.translate(INVISIBLE).strip():
            assert pseudonym == hmac.new(key, text.encode(), "sha256").hexdigest()
        else:
            assert pd.isna(pseudonym)


def test_a_number_is_the_same_however_it_is_written():
    assert len({*hidden([12]), *hidden([12.0]), *hidden(["12"]), *hidden([12, "12", 12.0])}) == 1
    assert hidden(pd.Categorical(["12"])) == hidden(["12"])
    assert hidden(["H-1"]) != hidden(["h-1"])


def test_tables_still_join():
    sales = pd.DataFrame({"licence": [1, 2, 3], "beds": [10, 20, 30]})
    service = pd.DataFrame({"licence": ["3", "1"], "calls": [5, 6]})
    plain, _ = integrate(sales, service, keys="licence")
    joined, _ = integrate(*(pseudonymize(table, "licence", key=KEY) for table in (sales, service)), keys="licence")
    columns = ["beds", "calls"]
    assert sorted(map(str, plain[columns].values.tolist())) == sorted(map(str, joined[columns].values.tolist()))


def test_domains_cannot_be_joined():
    frame = pd.DataFrame({"payer": ["H-1"], "user": ["H-1"]})
    alike = pseudonymize(frame, ["payer", "user"], key=KEY)
    assert alike["payer"][0] == alike["user"][0]
    apart = pseudonymize(frame, ["payer", "user"], key=KEY, domain={"payer": "payer"})
    assert apart["payer"][0] != apart["user"][0] == alike["user"][0]
    own = hmac.digest(KEY.encode(), b"\xffpayer", "sha256")
    assert apart["payer"][0] == hmac.new(own, b"H-1", "sha256").hexdigest()
    assert pseudonymize(frame, "payer", key=KEY, domain="payer")["payer"][0] == apart["payer"][0]
    with pytest.raises(DataError, match="'buyer' is missing"):
        pseudonymize(frame, "payer", key=KEY, domain={"buyer": "x"})


def test_no_pseudonym_is_the_key_of_a_domain():
    seen = bytes.fromhex(
        hidden(["payer"])[0]
    )  # an identifier that reads like a domain, its pseudonym in a shared table
    assert hmac.new(seen, b"H-1", "sha256").hexdigest() != hidden(["H-1"], domain="payer")[0]


def test_pandas_index_and_input_stay():
    frame = pd.DataFrame({"id": ["a", "b"], "beds": [1, 2]}, index=[7, 3])
    result = pseudonymize(frame, "id", key=KEY)
    assert result.index.tolist() == [7, 3]
    assert frame["id"].tolist() == ["a", "b"]


def test_the_key_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    assert hidden(["a"], key=None) == hidden(["a"])
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(ValueError, match=rf"(?s)set the environment variable {KEY_VARIABLE}.*secrets.token_hex\(32\)"):
        hidden(["a"], key=None)


@pytest.mark.parametrize("key", ["", "   ", b"", "fifteen bytes !", b"short-secret-0"])
def test_a_weak_key_is_refused_and_not_shown(key, monkeypatch):
    with pytest.raises(ValueError, match=r"secrets\.token_hex\(32\)") as caught:
        hidden(["a"], key=key)
    shown = key if isinstance(key, str) else key.decode()
    message = "".join(traceback.format_exception_only(caught.value))
    assert not shown.strip() or shown not in message
    monkeypatch.setenv(KEY_VARIABLE, shown)
    with pytest.raises(ValueError, match=KEY_VARIABLE) as caught:
        hidden(["a"], key=None)
    assert not shown.strip() or shown not in str(caught.value)


def test_wrong_arguments():
    frame = pd.DataFrame({"id": ["H-0042"], "tags": [["x"]]})
    with pytest.raises(TypeError, match="key= must be bytes or str, not int"):
        pseudonymize(frame, "id", key=12345678901234567890)
    with pytest.raises(ValueError, match="from 16 to 64"):
        pseudonymize(frame, "id", key=KEY, length=8)
    for length in (32.5, True, "32"):
        with pytest.raises(ValueError, match=r"length=.* must be a whole number from 16 to 64"):
            pseudonymize(frame, "id", key=KEY, length=length)
    assert pseudonymize(frame, "id", key=KEY, length=32.0)["id"].str.len().tolist() == [32]
    with pytest.raises(ValueError, match="at least one column"):
        pseudonymize(frame, [], key=KEY)
    with pytest.raises(DataError, match="'ids' is missing"):
        pseudonymize(frame, "ids", key=KEY)
    with pytest.raises(DataError, match="holds list") as caught:
        pseudonymize(frame, ["id", "tags"], key=KEY)
    assert "H-0042" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_two_identifiers_never_share_a_pseudonym(monkeypatch):
    monkeypatch.setattr("crmml.customers.pseudonyms._digest", lambda secret, text: b"\0" * 32)
    with pytest.raises(DataError, match="1 identifiers of column 'id' share a pseudonym"):
        hidden(["a", "b"])


def test_a_date_is_the_same_in_every_engine(engine):
    frame = engine.frame(pd.DataFrame({"id": [dt.date(2001, 2, 3), None]}))
    found = engine.pandas(pseudonymize(frame, "id", key=KEY))["id"]
    assert found.dropna().tolist() == hidden(["2001-02-03"]) == hidden(pd.to_datetime(["2001-02-03"]))
    assert found.isna().sum() == 1


def test_identifiers_that_a_float_has_rounded_are_refused():
    frame = pd.DataFrame({"id": [9007199254740993, 9007199254740992, None]})
    with pytest.raises(DataError, match="column 'id' holds floats in 2 rows") as error:
        pseudonymize(frame, "id", key=KEY)
    assert "9007199254740992" not in str(error.value)


def test_columns_of_other_kinds_and_names():
    frame = pd.DataFrame({0: pd.period_range("2024-01", periods=2, freq="M"), "u": [uuid.UUID(int=1), None]})
    result = pseudonymize(frame, [0, "u", "u"], key=KEY)
    assert result[0].tolist() == hidden(["2024-01", "2024-02"])
    assert result["u"][0] == hidden([str(uuid.UUID(int=1))])[0]
    assert pseudonymize(frame, 0, key=KEY)[0].tolist() == result[0].tolist()


def test_names_of_columns_of_every_kind():
    source = pd.DataFrame({7: ["a", "b"], "id": [1, 2]})
    wanted = pseudonymize(source.rename(columns={7: "k"}), "k", key=KEY)["k"].tolist()
    assert pseudonymize(source, 7, key=KEY)[7].tolist() == wanted
    assert pseudonymize(source, [7, "id"], key=KEY)[7].tolist() == wanted
    with pytest.raises(TypeError, match="columns=None names no column"):
        pseudonymize(source, None, key=KEY)
    with pytest.raises(DataError, match=r"'id' is in the index of pandas; call reset_index\(\) first"):
        pseudonymize(source.set_index("id"), "id", key=KEY)
    for domain in (1, {"id": 1}):
        with pytest.raises(TypeError, match="domain=1 must be a text"):
            pseudonymize(source, "id", key=KEY, domain=domain)


def test_dates_beside_moments_keep_their_time():
    day = dt.date(2024, 1, 1)
    source = pd.DataFrame({"id": pd.Series([day, dt.datetime(2024, 1, 1, 12), dt.datetime(2024, 1, 1)], dtype=object)})
    found = pseudonymize(source, "id", key=KEY)["id"].tolist()
    assert found[0] == found[2] != found[1]
