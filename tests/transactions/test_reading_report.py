from crmml.transactions import read_log


def test_a_report_says_what_was_understood_and_how_to_pin_it(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("buyer;day;paid\n7;31.01.2024;1,50\n;01.02.2024;2,00\n")
    _, report = read_log(path, customer_id="buyer", timestamp="day", value="paid")
    assert report.rows == report.lines == 2
    assert report.missing == {"customer_id": 1, "timestamp": 0, "value": 0}
    assert report.describe().splitlines() == [
        "2 transactions read from orders.csv.",
        "Delimiter: semicolon (told by the content).",
        "Encoding: utf-8 (told by the content).",
        "Times in 'day': %d.%m.%Y, the day first (told by the content).",
        "First and last time: 2024-01-31 00:00:00 to 2024-02-01 00:00:00 (found).",
        "Numbers in 'paid': decimal comma (told by the content).",
        "Missing in 1 row: customer_id.",
    ]
    assert report.to_frame()["argument"].tolist() == ["delimiter", "encoding", "date_format", "", "decimal"]
    assert report.months.tolist() == [1, 1]
    assert len(report.plot().ax_.patches) == 2
