import pytest

from crmml import DataError
from crmml.transactions import propose_reading


@pytest.fixture
def written(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "log.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


LINES = (
    "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "536365,85123A,6,12/1/2010 8:26,2.55,17850.0,UK\n536365,71053,6,12/1/2010 8:26,3.39,17850.0,UK\n"
    "C536379,x,-1,12/13/2010 8:28,1.85,13047.0,UK\n"
)


def test_order_lines_with_the_month_first(written):
    path = written(LINES)
    proposal = propose_reading(path)
    assert proposal.arguments == {
        "customer_id": "CustomerID",
        "timestamp": "InvoiceDate",
        "quantity": "Quantity",
        "price": "UnitPrice",
        "order_id": "InvoiceNo",
        "date_format": "%m/%d/%Y %H:%M",
    }
    assert proposal.report.rows == 2
    (command,) = proposal.commands
    assert command.startswith(f"crmml summarize {path} summary.parquet --customer-id CustomerID")
    assert command in proposal.describe()


def test_what_has_two_readings_is_left_to_choose(written):
    proposal = propose_reading(written("user_id,order_date,total\n1,01/02/2024,5.5\n2,03/02/2024,7.25\n"))
    assert [choice["date_format"] for choice in proposal.choices] == ["%d/%m/%Y", "%m/%d/%Y"]
    assert len(proposal.commands) == 2
    with pytest.raises(DataError, match="in two ways"):
        proposal.plot()


def test_an_encoding_is_proposed_where_the_bytes_do_not_tell(written):
    proposal = propose_reading(written("kunde,datum,betrag\nMüller,12/31/97,5.5\nGröße,01/02/98,7.2\n", "cp437"))
    assert proposal.arguments["encoding"] == "cp437"
    assert proposal.arguments["date_format"] == "%m/%d/%y"


@pytest.mark.parametrize(("text", "unit"), [("1706659200", "unix_s"), ("1706659200000", "unix_ms")])
def test_counts_since_1970_are_told_by_their_size(written, text, unit):
    proposal = propose_reading(written(f"ts,user,event\n{text},a,open\n{text},b,open\n"))
    assert proposal.arguments == {"customer_id": "user", "timestamp": "ts", "date_format": unit}


def test_a_log_without_customers_is_said_to_be_one(written):
    proposal = propose_reading(written("colour,date\nred,2024-01-05\n"))
    assert proposal.commands == ()
    assert "which column tells the customer; say customer_id=" in proposal.describe()
