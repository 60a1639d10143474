import pickle
import sys

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crmml import DataError
from crmml.customers import IntegrationReport, integrate

SALES = pd.DataFrame(
    {"licence": ["HX-771", "HX-772", "HX-772"], "town": ["Wuhan", "Xian", "Xi'an"], "beds": [800, 120, 120]}
)
SERVICE = pd.DataFrame({"licence": ["hx-771"], "town": ["Wuchang"], "beds": [None]})


@pytest.fixture
def report():
    return integrate(SALES, SERVICE, keys="licence", names=["sales", "service"])[1]


def test_it_speaks_in_counts_and_columns_alone(report):
    assert isinstance(report, IntegrationReport)
    said = report.describe()
    assert said == (
        "4 records of 2 sources (sales: 3, service: 1) are 2 customers. Of these 1 linked by equal keys, 1 only after case, "
        "width and spaces were set aside. A source has 1 of them more than once. Their records disagree in 3 values, 1 of them "
        "in spelling alone; most in town (2), licence (1). No value is missing."
    )
    for value in ("771", "772", "800"):
        assert value not in said
    for value in ("HX", "hx", "Wuhan", "Xi"):  # no part of an address in memory, which a printed object may show
        assert value not in said
        assert value not in repr(report)
        assert value not in repr(report.records)
        assert value not in repr(report.records.fields)


def test_a_report_without_conflicts():
    _, report = integrate(SALES.head(1), keys="licence")
    assert report.conflicts.empty
    assert list(report.conflicts) == ["customer_number", "field", "kind", "value", "source", "row", "kept"]
    assert "disagree nowhere" in report.describe()
    assert report.fuzzy_matches.empty
    pd.testing.assert_frame_equal(report.restore("source 1"), SALES.head(1))


def test_what_became_of_every_value(report):
    assert report.values["use"].value_counts().to_dict() == {"taken": 6, "same": 2, "lost": 2, "spelling": 1}
    lost = report.values[report.values["use"].isin(["lost", "spelling"])]
    conflicts = report.conflicts[~report.conflicts["kept"]]
    by = ["customer_number", "field", "source", "row"]
    pd.testing.assert_frame_equal(lost[by].reset_index(drop=True), conflicts[by].reset_index(drop=True))
    taken = report.values[report.values["use"] == "taken"]
    pd.testing.assert_frame_equal(taken[by].reset_index(drop=True), report.provenance[by].reset_index(drop=True))


def test_sources_are_built_again(report):
    pd.testing.assert_frame_equal(report.restore("sales"), SALES)
    found = report.restore("service")
    assert found["town"].tolist() == ["Wuchang"]
    assert found["beds"].isna().all()
    with pytest.raises(ValueError, match="none of 'sales', 'service'"):
        report.restore("finance")


def test_it_can_be_kept(report):
    again = pickle.loads(pickle.dumps(report))
    pd.testing.assert_frame_equal(again.conflicts, report.conflicts)
    assert again.describe() == report.describe()


def test_fuzzy_needs_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(ImportError, match=r"pip install 'crmml\[match\]'"):
        integrate(SALES, SERVICE, keys="licence", fuzzy={"town": 90})


def test_too_many_texts_ask_for_a_block(monkeypatch):
    pytest.importorskip("rapidfuzz")
    monkeypatch.setattr("crmml.customers._matching.MOST_IN_BLOCK", 2)
    with pytest.raises(DataError, match="name columns in block="):
        integrate(SALES, SERVICE, keys="licence", fuzzy={"town": 90})


def test_its_frame_picture_and_page_name_nobody(report):
    pd.testing.assert_frame_equal(report.to_frame(), report.field_completeness)
    display = report.plot()
    plt.close("all")
    assert display.table["quantity"].tolist() == report.field_completeness["field"].tolist()
    assert "HX-77" not in report._repr_html_() + report.to_frame().to_string()
