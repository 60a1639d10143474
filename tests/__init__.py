"""The tests of crmml, which mirror its folders by path."""

from pathlib import Path

#: Values of reference packages on data simulated for this project.
ORACLES = Path(__file__).parent / "oracles"
