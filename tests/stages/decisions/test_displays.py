import matplotlib as mpl

from crmml.stages import PolicyTableDisplay

from .test_process import process

mpl.use("agg")


def test_policy_table():
    display = PolicyTableDisplay.from_result(process().solve(start="on")).plot()
    assert list(display.table.columns) == ["Stage", "Action now", "Value", "Rupture"]
    assert display.table["Action now"][0] == "visit"
    (drawn,) = display.ax_.tables
    assert drawn[(1, 1)].get_text().get_text() == "visit"
    mixed = PolicyTableDisplay.from_result(process(cost=9.0).solve(max_rupture=0.5, start="on"))
    assert "12 periods" in mixed.title
