import matplotlib.pyplot as plt
import pandas as pd
import pytest

from crmml import DataError
from crmml.model_selection.leakage_findings import COLUMNS, LeakageReport, finding


def test_empty_report_says_what_was_looked_at():
    report = LeakageReport(pd.DataFrame([], columns=COLUMNS), "4 columns at 2 cutoffs", ("A note.",))
    assert report.ok
    assert report.describe() == "No leak found in 4 columns at 2 cutoffs. A note."
    report.raise_if_leaking()


def test_report_lists_every_leak_once():
    rows = [
        finding("future", "late", "2024-01-01", 3, 10, "one"),
        finding("future", "late", "2024-02-01", 4, 10, "two"),
    ]
    report = LeakageReport(pd.DataFrame(rows, columns=COLUMNS), "1 column")
    assert report.columns == ["late"]
    assert report.describe() == "2 leaks found in 1 column:\n  - one\n  - two"
    with pytest.raises(DataError) as caught:
        report.raise_if_leaking()
    assert caught.value.faults == ("one", "two")


@pytest.mark.parametrize("rows", [[], [finding("future", "<late>", "2024-01-01", 3, 10, "<one>")]])
def test_a_report_is_a_frame_a_picture_and_a_page(rows):
    report = LeakageReport(pd.DataFrame(rows, columns=COLUMNS), "1 column")
    pd.testing.assert_frame_equal(report.to_frame(), report.findings)
    assert report.plot().table["value"].tolist() == [0.3] * len(rows)
    plt.close("all")
    assert ("&lt;one&gt;" in report._repr_html_()) == bool(rows)
