import pytest

from experiments.file_shapes import SHAPES, compared


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_read_by_the_command_that_is_proposed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compared(name, SHAPES[name], tmp_path) == "right"
