import pytest

from crmml.amounts import Uncertain
from crmml.roi import BenefitLedger, CostLedger, roi
from crmml.roi.tornado import swing

INPUTS = {"a": Uncertain.uniform(0, 10, name="a"), "b": Uncertain.uniform(10, 0.0 + 12, name="b")}


def test_each_moves_alone_from_the_median():
    found = swing(lambda v: 2 * v["a"] - 3 * v["b"], INPUTS, of="npv", currency="EUR", coverage=0.8)
    assert found.base == pytest.approx(10 - 33)
    assert found.table["input"].tolist() == ["a", "b"]
    first, second = found.table.to_dict("records")
    assert (first["lower"], first["upper"]) == pytest.approx((1, 9))
    assert (first["at_lower"], first["at_upper"]) == pytest.approx((2 - 33, 18 - 33))
    assert second["swing"] == pytest.approx(-3 * 1.6)
    assert "What matters most is 'a': between 1 and 9" in found.describe()
    assert "EUR -31 to EUR -15" in found.describe()


def test_of_a_return():
    spent = CostLedger("EUR").add("2024-01-01", "other", "x", Uncertain.triangular(80, 100, 140))
    won = BenefitLedger("EUR").add("2024-06-01", "margin", "y", Uncertain.uniform(100, 300), direct=True)
    result = roi(spent, won, ("2024-01-01", "1Y"), 0.1, observed_until="2024-12-31", random_state=0)
    found = result.tornado()
    assert found.table["input"].tolist() == ["margin: y", "other: x"]
    assert found.table["at_lower"].iloc[0] < found.base
    assert found.table["swing"].iloc[1] < 0
    middle = Uncertain.triangular(80, 100, 140).quantile(0.5)
    assert found.base == pytest.approx(200 / middle - 1)
    assert result.tornado("cost").table["swing"].tolist()[1] == 0
    assert result.tornado("npv").base < result.tornado("gain").base - result.tornado("cost").base
    with pytest.raises(ValueError, match="of='payback'"):
        result.tornado("payback")
    with pytest.raises(ValueError, match="coverage=2"):
        result.tornado(coverage=2)


def test_nothing_to_move():
    with pytest.raises(ValueError, match="no unknown to move"):
        swing(lambda v: 1.0, {}, of="roi", currency="EUR")
