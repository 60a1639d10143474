import matplotlib
import numpy as np
import pytest

from crmml.segments import MigrationFlowDisplay, migration, value_movement

from . import test_migration, test_value_movement

matplotlib.use("Agg")


def test_flow_of_customers():
    chain = migration(*test_migration.both(), order=test_migration.ORDER)
    display = MigrationFlowDisplay.from_result(chain)
    assert display.origins == ("gold", "silver", "lead", "new")
    assert display.targets == ("gold", "silver", "lead", "gone")
    assert display.flow.sum() == chain.n_before + chain.n_new
    assert display.flow[:, :3].sum() == chain.n_after
    assert display.plot() is display
    texts = [text.get_text() for text in display.ax_.texts]
    assert "gold  2" in texts
    assert "gone  2" in texts


def test_flow_of_value():
    movement = value_movement(*test_value_movement.both(), value="value", order=test_value_movement.ORDER)
    display = MigrationFlowDisplay.from_result(movement).plot()
    assert display.flow[:, :3].sum() == movement.total_after
    np.testing.assert_allclose(display.flow[0], [110.0, 0.0, 4.0, 80.0])
    before, after = test_value_movement.both()
    movement = value_movement(
        before, after.assign(value=-after["value"]), value="value", order=test_value_movement.ORDER
    )
    with pytest.raises(ValueError, match="negative value"):
        MigrationFlowDisplay.from_result(movement)
