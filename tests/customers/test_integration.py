import datetime as dt
import uuid
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.customers import KeyWarning, integrate
from crmml.customers._canonical_text import as_text, normal_text

# three departments of a drug maker, each with its own records of the same hospitals
SALES = pd.DataFrame(
    {
        "licence": ["H-001", "h-002 ", "H-003", "H-003", None],
        "name": ["Union Hospital", "Tongji Hospital", "People's Hospital", "People's Hospital", "New clinic"],
        "beds": [800, 1200, 300, 350, 20],
        "town": ["Wuhan", "Wuhan", "Xian", "Xian", "Jinan"],
        "updated": ["2024-01-10", "2024-02-01", "2024-01-05", "2024-03-01", "2024-03-05"],
    }
)
SERVICE = pd.DataFrame(
    {
        "licence": ["H-002", "H-001", "H-004"],
        "name": ["TONGJI HOSPITAL", "Union Hospital", "County Hospital"],
        "beds": [1250.0, np.nan, 90.0],
        "contact": ["Li", "  ", "Zhao"],
        "updated": ["2024-03-10", "2024-01-01", "2023-12-31"],
    }
)
FINANCE = pd.DataFrame(
    {
        "licence": ["Ｈ-001", "H-005", "H-002"],
        "beds": ["800", "60", "about 1200"],
        "debt": [1500.5, 0.0, 320.25],
        "updated": ["2024-02-15", "2024-02-15", "2024-02-15"],
    }
)
NAMES = ["sales", "service", "finance"]

#: (customer, field, kind, value, source, row, kept) by hand, the sources in the order sales, service, finance
CONFLICTS = [
    (0, "licence", "spelling", "H-001", "sales", 0, True),
    (0, "licence", "spelling", "H-001", "service", 1, True),
    (0, "licence", "spelling", "Ｈ-001", "finance", 0, False),
    (0, "updated", "value", "2024-01-10", "sales", 0, True),
    (0, "updated", "value", "2024-01-01", "service", 1, False),
    (0, "updated", "value", "2024-02-15", "finance", 0, False),
    (1, "licence", "spelling", "h-002 ", "sales", 1, True),
    (1, "licence", "spelling", "H-002", "service", 0, False),
    (1, "licence", "spelling", "H-002", "finance", 2, False),
    (1, "name", "spelling", "Tongji Hospital", "sales", 1, True),
    (1, "name", "spelling", "TONGJI HOSPITAL", "service", 0, False),
    (1, "beds", "value", "1200", "sales", 1, True),
    (1, "beds", "value", "1250", "service", 0, False),
    (1, "beds", "value", "about 1200", "finance", 2, False),
    (1, "updated", "value", "2024-02-01", "sales", 1, True),
    (1, "updated", "value", "2024-03-10", "service", 0, False),
    (1, "updated", "value", "2024-02-15", "finance", 2, False),
    (2, "beds", "value", "300", "sales", 2, False),
    (2, "beds", "value", "350", "sales", 3, True),
    (2, "updated", "value", "2024-01-05", "sales", 2, False),
    (2, "updated", "value", "2024-03-01", "sales", 3, True),
]


def hospitals(engine=None, **options):
    sources = [SALES, SERVICE, FINANCE]
    if engine is not None:
        sources = [engine.frame(source) for source in sources]
    return integrate(*sources, keys="licence", names=NAMES, updated="updated", **options)


def rows(table):
    return [tuple(row) for row in table.itertuples(index=False)]


def same_value(a, b):
    return (pd.isna(a) and pd.isna(b)) or as_text(a) == as_text(b)


def test_every_conflict_of_three_departments_by_hand():
    customers, report = hospitals()
    assert rows(report.conflicts) == CONFLICTS
    assert customers["beds"].tolist() == ["800", "1200", "350", "90", "60", "20"]
    assert customers["customer_number"].tolist() == [0, 1, 2, 3, 4, 5]
    assert customers["licence"].tolist()[:5] == ["H-001", "h-002 ", "H-003", "H-004", "H-005"]
    assert customers["name"].tolist()[:4] == [
        "Union Hospital",
        "Tongji Hospital",
        "People's Hospital",
        "County Hospital",
    ]
    assert customers["name"][5] == "New clinic"
    assert pd.isna(customers["licence"][5])
    assert customers["debt"].dropna().tolist() == [1500.5, 320.25, 0.0]
    assert customers["contact"].dropna().tolist() == ["Li", "Zhao"]
    assert rows(report.duplicates) == [(2, "sales", 2)]
    # H-003 is in sales twice: the record changed last is taken
    assert report.notes == (
        "column 'beds' is text now, because it is int64 in 'sales', double in 'service', string in 'finance'",
    )


def test_every_conflict_is_in_the_table_and_no_other():
    _, report = hospitals()
    by_customer = {}
    for name, source in zip(NAMES, [SALES, SERVICE, FINANCE], strict=True):
        for row, record in enumerate(source.to_dict("records")):
            link = report.links[(report.links["source"] == name) & (report.links["row"] == row)]
            for field, value in record.items():
                if not pd.isna(value) and str(value).strip():
                    by_customer.setdefault((link["customer_number"].item(), field), set()).add(as_text(value))
    wanted = {place for place, values in by_customer.items() if len(values) > 1}
    found = set(zip(report.conflicts["customer_number"], report.conflicts["field"], strict=True))
    assert found == wanted


def test_links_say_what_it_took():
    _, report = hospitals()
    how = report.links.groupby("customer_number")["how"].first().tolist()
    assert how == ["normalised", "normalised", "exact", "alone", "alone", "no key"]
    assert len(report.links) == len(SALES) + len(SERVICE) + len(FINANCE)


def test_newest_most_complete_and_preferred():
    newest, _ = hospitals(prefer="newest")
    assert newest["beds"].tolist()[:3] == ["800", "1250", "350"]
    complete, _ = hospitals(prefer={"beds": "most complete"})
    assert complete["beds"].tolist()[:2] == ["800", "1200"]
    finance, _ = hospitals(prefer={"beds": "finance"})
    assert finance["beds"].tolist()[:2] == ["800", "about 1200"]
    ordered, _ = hospitals(prefer={"beds": ["service", "finance"]})
    assert ordered["beds"].tolist()[:2] == ["800", "1250"]


def test_a_missing_moment_is_the_oldest():
    one = pd.DataFrame({"k": [1, 2], "v": ["a", "b"], "t": [None, "2024-01-01"]})
    two = pd.DataFrame({"k": [1, 2], "v": ["c", "d"], "t": ["1970-01-01", None]})
    customers, _ = integrate(one, two, keys="k", prefer="newest", updated="t")
    assert customers["v"].tolist() == ["c", "b"]


def test_completeness_and_gaps():
    customers, report = hospitals()
    values = customers.drop(columns="customer_number")
    filled = report.field_completeness.set_index("field")["filled"]
    pd.testing.assert_series_equal(filled[list(values)], values.notna().mean(), check_names=False)
    assert filled.is_monotonic_increasing
    by_source = report.field_completeness.set_index("field").loc["contact"]
    assert by_source["filled in service"] == pytest.approx(2 / 3)
    assert by_source["filled in sales"] == 0
    per_customer = report.customer_completeness
    assert per_customer["filled"].tolist() == pytest.approx(values.notna().mean(axis=1).tolist())
    assert per_customer["missing"].sum() == len(report.gaps) == values.isna().sum().sum()
    assert {(row.customer_number, row.field) for row in report.gaps.itertuples()} == {
        (i, field) for i in range(len(values)) for field in values if pd.isna(values[field][i])
    }


def test_on_every_engine(engine):
    wanted, expected = hospitals(prefer="newest")
    customers, report = hospitals(engine, prefer="newest")
    assert engine.owns(customers)
    found = engine.pandas(customers)
    for name in wanted:
        assert all(map(same_value, found[name], wanted[name])), name
    columns = ["customer_number", "field", "kind", "value", "source", "kept"]
    by = ["customer_number", "field", "source", "value"]
    pd.testing.assert_frame_equal(
        report.conflicts[columns].sort_values(by, ignore_index=True),
        expected.conflicts[columns].sort_values(by, ignore_index=True),
    )
    pd.testing.assert_frame_equal(report.gaps, expected.gaps)
    assert report.describe() == expected.describe()
    for name, source in zip(NAMES, [SALES, SERVICE, FINANCE], strict=True):
        assert sorted(map(str, texts_of(report.restore(name)))) == sorted(map(str, texts_of(source)))


def test_engines_mix_and_the_first_decides():
    pl = pytest.importorskip("polars")
    customers, _ = integrate(pl.from_pandas(SALES), SERVICE, keys="licence")
    assert isinstance(customers, pl.DataFrame)
    assert customers["licence"].len() == 5


def texts_of(source):
    """Every record as texts, None where a value is missing or blank."""
    return [
        tuple(None if pd.isna(v) or not str(v).strip() else as_text(v) for v in row)
        for row in source.itertuples(index=False)
    ]


# ---- conservation ---------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["A-1", "a-1", " A-1 ", "B-2", "b-2", "C-3", "", None])
TEXTS = st.sampled_from(["x", "X", " x", "y", "", None])
NUMBERS = st.sampled_from([1, 2, 2.5, None])
MOMENTS = st.sampled_from(["2024-01-01", "2024-01-02", "2024-01-03 12:00", None])


def table(columns):
    record = st.tuples(*columns.values())
    return st.lists(record, max_size=6).map(
        lambda rows: pd.DataFrame(rows, columns=list(columns)).astype(dict.fromkeys(columns, object))
    )


THREE = st.tuples(
    table({"key": KEYS, "other": KEYS, "text": TEXTS, "number": NUMBERS, "moment": MOMENTS}),
    table({"key": KEYS, "number": NUMBERS, "text": TEXTS, "moment": MOMENTS}),
    table({"moment": MOMENTS, "other": KEYS, "key": KEYS, "town": TEXTS}),
).filter(lambda sources: sum(map(len, sources)) > 0)
RULE = st.sampled_from(["newest", "most complete", None, "b", ["c", "a"]])
FIELDS = ("key", "other", "text", "number", "moment", "town")
RULES = st.one_of(RULE, st.dictionaries(st.sampled_from(FIELDS), RULE))


def integrated(sources, prefer, order="abc"):
    named = {name: sources["abc".index(name)] for name in order}
    return integrate(named, keys=[["key"], ["other"]], prefer=prefer, updated="moment")


@settings(max_examples=60, deadline=None)
@given(THREE, RULES)
def test_nothing_is_lost_and_nothing_invented(sources, prefer):
    customers, report = integrated(sources, prefer)
    given_values = {
        (name, row, field): value
        for name, source in zip("abc", sources, strict=True)
        for row, record in enumerate(texts_of(source))
        for field, value in zip(source.columns, record, strict=True)
        if value is not None
    }
    who = {(row.source, row.row): row.customer_number for row in report.links.itertuples()}
    assert set(who) == {(name, row) for name, source in zip("abc", sources, strict=True) for row in range(len(source))}
    assert sorted(set(who.values())) == customers["customer_number"].tolist()
    conflicts = {(row.source, row.row, row.field): row for row in report.conflicts.itertuples()}
    assert len(conflicts) == len(report.conflicts)
    # every value of a source is the customer's, or stands in the conflicts
    for (name, row, field), value in given_values.items():
        kept = as_text(customers[field][who[name, row]])
        if (name, row, field) in conflicts:
            conflict = conflicts[name, row, field]
            assert as_text(conflict.value) == value
            assert conflict.customer_number == who[name, row]
            assert conflict.kept == (kept == value)
        else:
            assert kept == value
    # no conflict is invented
    assert set(conflicts) <= set(given_values)
    # every value of the result is where its provenance says, and of that customer
    origin = {(row.customer_number, row.field): row for row in report.provenance.itertuples()}
    gaps = set(zip(report.gaps["customer_number"], report.gaps["field"], strict=True))
    for field in customers.columns.drop("customer_number"):
        for number, value in customers[field].items():
            if pd.isna(value):
                assert (number, field) in gaps
                continue
            place = origin[number, field]
            assert who[place.source, place.row] == number
            assert given_values[place.source, place.row, field] == as_text(value)
    assert len(origin) + len(gaps) == len(customers) * (customers.shape[1] - 1)
    # and the sources can be built again
    assert len(report.values) == len(given_values)
    for name, source in zip("abc", sources, strict=True):
        assert texts_of(report.restore(name)) == texts_of(source)


@settings(max_examples=60, deadline=None)
@given(THREE, RULES, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(sources, prefer, random):
    customers, report = integrated(sources, prefer)
    shuffled = []
    for source in sources:
        at = list(range(len(source)))
        random.shuffle(at)
        shuffled.append(source.iloc[at].reset_index(drop=True))
    again, other = integrated(shuffled, prefer)
    pd.testing.assert_frame_equal(customers, again)
    pd.testing.assert_frame_equal(report.gaps, other.gaps)
    columns = ["customer_number", "field", "kind", "value", "source", "kept"]
    assert sorted(map(str, rows(report.conflicts[columns]))) == sorted(map(str, rows(other.conflicts[columns])))
    assert report.describe() == other.describe()


@settings(max_examples=60, deadline=None)
@given(THREE, st.permutations("abc"), st.permutations("abc"))
def test_the_order_of_sources_changes_nothing_where_the_rule_names_them(sources, rule, order):
    customers, report = integrated(sources, list(rule))
    again, other = integrated(sources, list(rule), order)
    pd.testing.assert_frame_equal(customers, again[customers.columns], check_dtype=False)
    columns = ["customer_number", "field", "kind", "value", "source", "row", "kept"]
    assert sorted(map(str, rows(report.conflicts[columns]))) == sorted(map(str, rows(other.conflicts[columns])))


@settings(max_examples=30, deadline=None)
@given(THREE)
def test_records_are_one_customer_when_a_chain_of_equal_keys_joins_them(sources):
    customers, report = integrated(sources, None)
    records = [
        (
            name,
            row,
            {
                (f, normal_text(record[f]))
                for f in ("key", "other")
                if isinstance(record.get(f), str) and record[f].strip()
            },
        )
        for name, source in zip("abc", sources, strict=True)
        for row, record in enumerate(source.to_dict("records"))
    ]
    group = list(range(len(records)))
    for _ in records:  # by brute force
        for i, (_, _, a) in enumerate(records):
            for j, (_, _, b) in enumerate(records):
                if a & b:
                    group[i] = group[j] = min(group[i], group[j])
    who = {(row.source, row.row): row.customer_number for row in report.links.itertuples()}
    labels = [who[name, row] for name, row, _ in records]
    assert len(set(labels)) == len(set(group)) == len(set(zip(labels, group, strict=True))) == len(customers)


# ---- bad input ------------------------------------------------------------------------------------------------------


def test_duplicate_keys_in_both_sources():
    one = pd.DataFrame({"k": ["A", "A", "B"], "v": [1, 1, 2]})
    two = pd.DataFrame({"k": ["a", "A ", "C"], "v": [1, 9, 3]})
    customers, report = integrate(one, two, keys="k")
    assert customers["v"].tolist() == [1, 2, 3]
    assert rows(report.duplicates) == [(0, "source 1", 2), (0, "source 2", 2)]
    assert report.conflicts.query("field == 'v'")["value"].tolist() == [1, 1, 1, 9]


def test_keys_that_differ_in_case_or_spaces_are_one_unless_told():
    one = pd.DataFrame({"k": ["Ab  1", "x"]})
    two = pd.DataFrame({"k": [" aB 1", "X"]})
    assert len(integrate(one, two, keys="k")[0]) == 2
    assert len(integrate(one, two, keys="k", normalise=False)[0]) == 4


def test_missing_keys_link_nothing():
    one = pd.DataFrame({"k": [None, "", " ", "A"], "v": [1, 2, 3, 4]})
    customers, report = integrate(one, one, keys="k")
    assert len(customers) == 7
    assert (report.links["how"] == "no key").sum() == 6
    assert customers["k"][0] == "A"


def test_a_part_of_a_key_that_is_missing_links_nothing():
    one = pd.DataFrame({"name": ["A", "A"], "town": ["x", None]})
    assert len(integrate(one, one, keys=["name", "town"])[0]) == 3


def test_a_source_without_the_key_is_refused():
    with pytest.raises(DataError, match="'service' has no key: 'licence' missing") as caught:
        integrate(SALES, SERVICE.drop(columns="licence"), FINANCE.drop(columns="licence"), keys="licence", names=NAMES)
    assert len(caught.value.faults) == 2
    # another key serves as well
    customers, _ = integrate(SALES, SERVICE.drop(columns="licence"), keys=[["licence"], ["name"]])
    assert len(customers) == 5


def test_mixed_types_of_keys_and_values():
    one = pd.DataFrame({"k": [12, 13], "when": [dt.date(2024, 1, 1)] * 2, "v": [Decimal("1.50"), Decimal("2.00")]})
    two = pd.DataFrame({"k": ["12", 13.0], "when": [pd.Timestamp("2024-01-01")] * 2, "v": [1.5, 3.0]})
    customers, report = integrate(one, two, keys="k")
    assert customers["k"].tolist() == ["12", "13"]
    assert rows(report.conflicts[["field", "value"]]) == [("v", 2.0), ("v", 3.0)]
    assert customers["when"].dtype.kind == "M"


def test_types_of_all_kinds_come_back():
    kinds = pd.DataFrame(
        {
            "k": [1, 2],
            "truth": [True, None],
            "category": pd.Categorical(["x", None]),
            "zoned": pd.to_datetime(["2024-01-01", None]).tz_localize("Asia/Shanghai"),
            "span": pd.to_timedelta([1, None], "D"),
            "money": [Decimal("1.10"), None],
            "long": pd.array([2**60 + 1, None], dtype="Int64"),
            "nanoseconds": pd.to_datetime(["2024-01-01 00:00:00.123456789", None], format="ISO8601"),
            "clock": [dt.time(1, 2), None],
            "bytes": [b"\xff", None],
            "nothing": [None, None],
        }
    )
    other = pd.DataFrame(
        {
            "k": [1],
            "zoned": pd.to_datetime(["2023-12-31 16:00"]).tz_localize("UTC"),
            "nanoseconds": [dt.date(9999, 12, 31)],
            "money": [1.1],
        }
    )
    customers, report = integrate(kinds, other, keys="k")
    found = report.restore("source 1")
    assert found["long"].tolist()[0] == customers["long"].tolist()[0] == 2**60 + 1
    assert found["zoned"][0] == kinds["zoned"][0] == customers["zoned"][0]
    assert found["nanoseconds"].tolist()[0] == "2024-01-01 00:00:00.123456789"  # text: no type holds both moments
    for name in ("truth", "span", "clock", "bytes"):
        assert found[name].tolist()[0] == kinds[name][0]
    assert found["money"].tolist()[0] == 1.1  # decimals beside floats that hold them
    assert found.iloc[1, 1:].isna().all()
    assert report.conflicts["field"].unique().tolist() == ["nanoseconds"]
    assert len(report.notes) == 1


def test_long_numbers_are_not_rounded():
    number = 110101199003074557  # of 18 digits, beyond what a float can hold
    one = pd.DataFrame({"k": [number, number + 1]})
    two = pd.DataFrame({"k": [1.5, np.nan]})
    customers, report = integrate(one, two, keys="k")
    assert customers["k"].dropna().tolist() == ["1.5", str(number), str(number + 1)]
    assert "text now" in report.notes[0]


def test_an_empty_source_and_one_source():
    alone, report = integrate(SALES, keys="licence")
    with_empty, both = integrate(SALES, SERVICE.head(0), keys="licence")
    assert len(alone) == len(with_empty) == 4
    assert "contact" in with_empty
    assert with_empty["contact"].isna().all()
    assert both.restore("source 2").shape == (0, 5)
    assert report.describe().startswith("5 records of 1 source (source 1: 5) are 4 customers.")
    with pytest.raises(DataError, match="no source has a row"):
        integrate(SALES.head(0), SERVICE.head(0), keys="licence")


def test_every_fault_is_named_before_anything_is_computed():
    with pytest.raises(DataError) as caught:
        integrate(SALES, keys=["license"], number="town", block="name", fuzzy={"named": 500})
    message = str(caught.value)
    for part in (
        "'license' is missing",
        "did you mean 'licence'",
        "'town' is there already",
        "fuzzy['named']=500",
        "'named'",
    ):
        assert part in message
    with pytest.raises(DataError, match="'best' is missing"):
        integrate(SALES, keys="licence", prefer={"best": "newest"})
    with pytest.raises(DataError, match="needs updated="):
        integrate(SALES, keys="licence", prefer="newest")
    with pytest.raises(DataError, match="none of 'newest', 'most complete'"):
        integrate(SALES, keys="licence", prefer="marketing")
    with pytest.raises(DataError, match="make plain columns"):
        integrate(SALES.assign(tags=[["a"]] * 5), keys="licence")


def test_a_moment_that_is_none_is_refused_without_showing_it():
    with pytest.raises(DataError, match="no moment in 1 records") as caught:
        integrate(pd.DataFrame({"k": [1, 2], "t": ["2024-01-01", "H-0042x"]}), keys="k", prefer="newest", updated="t")
    assert "'x-9999x'" in str(caught.value)
    assert "H-0042x" not in str(caught.value)


# ---- fuzzy matching -------------------------------------------------------------------------------------------------


def test_fuzzy_is_off_by_default_and_listed_when_on():
    one = pd.DataFrame({"id": ["1", "2"], "name": ["Wuhan Union Hospital", "Xian Clinic"], "town": ["W", "X"]})
    two = pd.DataFrame({"id": ["8", "9"], "name": ["Hospital Wuhan Unoin", "Xian Clinic"], "town": ["W", "Y"]})
    assert len(integrate(one, two, keys="id")[0]) == 4
    pytest.importorskip("rapidfuzz")
    customers, report = integrate(one, two, keys="id", fuzzy={"name": 90})
    assert len(customers) == 2
    assert set(report.links["how"]) == {"fuzzy"}
    assert report.fuzzy_matches["similarity"].tolist() == pytest.approx([95.0, 100.0])
    assert "nearly equal texts" in report.describe()
    # towns that must agree keep the clinics apart
    assert len(integrate(one, two, keys="id", fuzzy={"name": 90}, block="town")[0]) == 3
    assert len(integrate(one, two, keys="id", fuzzy={"name": 96})[0]) == 3


def test_keys_in_any_unicode_form_and_with_invisible_characters_are_one():
    forms = ["Hôpital ΐ", "Ho\u0302pital ΐ", "HÔPITAL Ϊ́", "Hôpital\u200b ΐ", "\ufeffＨôpital\u3000ΐ"]
    customers, report = integrate(pd.DataFrame({"k": [*forms, "\u200b", "\u200b "]}), keys="k")
    assert len(customers) == 3
    assert report.links["how"].tolist() == ["normalised"] * 5 + ["no key"] * 2
    assert report.conflicts["value"].tolist() == forms
    assert len(integrate(pd.DataFrame({"k": forms}), keys="k", normalise=False)[0]) == 5


def test_a_date_is_its_midnight_in_every_engine(engine):
    one = pd.DataFrame({"born": pd.to_datetime(["2001-02-03", "2001-02-04"]), "v": [1, 2]})
    dates = engine.frame(pd.DataFrame({"born": [dt.date(2001, 2, 3), dt.date(2001, 2, 5)]}))
    assert len(integrate(one, dates, keys="born")[0]) == 3
    customers, report = integrate(one, pd.DataFrame({"born": ["2001-02-03", None]}), keys="born")
    assert customers["born"].tolist()[:2] == ["2001-02-03", "2001-02-04"]
    assert len(report.conflicts) == 0
    noon = pd.DataFrame({"born": pd.to_datetime(["2001-02-03 12:00"])})
    assert len(integrate(one, noon, keys="born")[0]) == 3


def test_keys_that_a_float_has_rounded_are_refused():
    number = 9007199254740993
    rounded = pd.DataFrame({"k": [number, number - 1, None]})  # pandas makes floats of them, both of one value
    for sources in ([rounded], [rounded, pd.DataFrame({"k": ["1"]})], [pd.DataFrame({"k": [number]}), rounded]):
        with pytest.raises(DataError, match=r"column 'k' holds floats in 2 records .* as text") as error:
            integrate(*sources, keys="k")
        assert str(number - 1) not in str(error.value)
    assert len(integrate(pd.DataFrame({"k": pd.array([number, number - 1, None], dtype="Int64")}), keys="k")[0]) == 3
    assert len(integrate(rounded.assign(id=[1, 2, 3]), keys="id")[0]) == 3
    with pytest.raises(DataError, match="in 1 records"):
        integrate(pd.DataFrame({"k": np.asarray([2**24, 2**24 - 1], dtype="float32")}), keys="k")


def test_a_key_that_says_nothing_is_told():
    source = pd.DataFrame({"k": ["nan", "NaN ", "H-1", "-", None]})
    with pytest.warns(KeyWarning, match=r"Key 'k' reads '.*' in 3 records") as told:
        customers, _ = integrate(source, keys="k")
    assert len(customers) == 4
    assert "H-1" not in str(told[0].message)


def test_periods_and_intervals_are_text():
    source = pd.DataFrame({"k": pd.period_range("2024-01", periods=2, freq="M"), "of": pd.interval_range(0, 2)})
    customers, _ = integrate(source, pd.DataFrame({"k": ["2024-01", None], "of": ["(0, 1]", None]}), keys="k")
    assert customers["k"].tolist()[:2] == ["2024-01", "2024-02"]
    assert customers["of"].tolist()[:2] == ["(0, 1]", "(1, 2]"]


def test_identifiers_of_the_type_uuid_are_text():
    marks = [uuid.UUID(int=1), uuid.UUID(int=2)]
    customers, _ = integrate(pd.DataFrame({"k": marks}), pd.DataFrame({"k": [str(marks[1]).upper()]}), keys="k")
    assert customers["k"].tolist() == [str(mark) for mark in marks]


def test_newest_tells_nanoseconds_apart_and_knows_far_moments():
    one = pd.DataFrame({"k": [1, 2], "v": ["a", "b"], "t": ["2024-01-01 00:00:00.000000001", "9999-12-31"]})
    two = pd.DataFrame({"k": [1, 2], "v": ["c", "d"], "t": ["2024-01-01 00:00:00.000000002", "2024-01-01"]})
    assert integrate(one, two, keys="k", prefer="newest", updated="t")[0]["v"].tolist() == ["c", "b"]


def test_moments_with_and_without_a_time_zone_are_not_compared():
    zoned = pd.DataFrame({"id": [1], "changed": [pd.Timestamp("2024-03-01 00:30", tz="UTC")], "v": ["later"]})
    wall = pd.DataFrame({"id": [1], "changed": [pd.Timestamp("2024-03-01 07:00")], "v": ["earlier in Shanghai"]})
    with pytest.raises(DataError, match="column 'changed' has a time zone in 1 records and none in others"):
        integrate(zoned, wall, keys="id", prefer="newest", updated="changed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        east = wall.assign(changed=wall["changed"].dt.tz_localize("Asia/Shanghai"))
        together, _ = integrate(zoned, east, keys="id", prefer="newest", updated="changed")
    assert together["v"].tolist() == ["later"]


def test_whole_numbers_as_a_column_of_floats_writes_them():
    numbers, text = pd.DataFrame({"id": [1.0, None], "a": [1, 2]}), pd.DataFrame({"id": ["1.0", None], "b": [3, 4]})
    customers, _ = integrate(numbers, text, keys="id")
    assert len(customers) == 3
    assert len(integrate(numbers, text, keys="id", normalise=False)[0]) == 4
