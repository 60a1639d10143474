import pandas as pd
import pytest

from crmml.roi.windows import calendar_offset, read_window


def test_lengths_are_of_the_calendar():
    assert read_window(("2024-01-01", "2024-07-01")) == read_window(["2024-01-01", "6M"])
    assert read_window(("2024-02-29", "1Y"))[1] == pd.Timestamp("2025-02-28")
    assert read_window((pd.Timestamp("2024-01-01"), "10D"))[1] == pd.Timestamp("2024-01-11")
    assert pd.Timestamp("2024-01-01") + calendar_offset(2, "W") == pd.Timestamp("2024-01-15")


@pytest.mark.parametrize(
    "wrong",
    [
        "2024-01-01",
        ("2024-01-01",),
        None,
        ("2024-01-02", "2024-01-01"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01", "0M"),
        ("2024-01-01", None),
        ("x", "3Y"),
        ("01/04/2024", "3Y"),
        ("2024-01-01", "1.4.2024"),
        ("2024-01-01T00:00Z", "2025-01-01T00:00Z"),
    ],
)
def test_no_window(wrong):
    with pytest.raises(ValueError, match="window="):
        read_window(wrong)
