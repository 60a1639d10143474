import pyarrow as pa
import pytest

from crmml.files.formulas import guarded_columns, unguarded, unguarded_sql
from crmml.files.text_table import connected


@pytest.mark.parametrize(
    ("entries", "guards"),
    [
        (["'=a", "b", None], 1),
        (["'=a", "''-b", "-5", "+1e3", "'\t", "'＠x"], 4),
        (["'=a", "=a"], 0),  # what begins with a sign has no guard, so that the apostrophe is of the entry
        (["'=a", "-5x"], 0),
        (["'a", "''", "'"], 0),
        (["=a"], 0),
        ([], 0),
    ],
)
def test_a_column_is_guarded_as_a_whole(entries, guards, tmp_path):
    with connected(tmp_path) as database:
        database.store(
            "entries", pa.table({"e": pa.array(entries, pa.string()), "other": pa.array(entries, pa.string())})
        )
        found = guarded_columns({"the column": "e"}, "entries", database)
        assert found == ({"the column": guards} if guards else {})
        read = [row[0] for row in database.rows(f"select {unguarded_sql('e')} from entries")]
    assert read == [unguarded(entry) for entry in entries]
