import random

import pandas as pd
import pyarrow as pa
import pytest

from crmml.files.text_table import connected
from crmml.frames import with_text_times, wrap
from crmml.transactions._log_columns import ISO_FAST, TimeColumn

SHAPES = ["2024-02-29", "2024-02-29 23:59", "2024-02-29T23:59", "2024-02-29 23:59:07", "2024-02-29T23:59:07"]
OTHERS = ["2023-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "2024-01-01T24:00:00", "2024-06-30T23:59:60"]


def neighbours(seed):
    """Texts that are nearly times: letters replaced, put in, left out and swapped."""
    rng = random.Random(seed)
    found = {*SHAPES, *OTHERS}
    for _ in range(60_000):
        text = list(rng.choice([*SHAPES, *OTHERS]))
        for _ in range(rng.randint(1, 3)):
            place, kind = rng.randrange(len(text)), rng.random()
            if kind < 0.75:
                text[place] = rng.choice(" \t\n\r\v\f\u00a0" + "0123456789" + "-+:T./eZ\\|B٣")
            elif kind < 0.85:
                text.insert(place, rng.choice(" \t0-"))
            elif kind < 0.9 and len(text) > 1:
                del text[place]
            else:
                other = rng.randrange(len(text))
                text[place], text[other] = text[other], text[place]
        found.add("".join(text))
    return sorted(found)


@pytest.mark.parametrize("text", SHAPES)
def test_the_quick_reading_of_a_shape_is_that_of_the_pattern(text, tmp_path):
    quick = TimeColumn("when", None, None, [], [text]).sql("entry")
    assert "try_strptime" in quick
    plain = ISO_FAST.format("entry")
    with connected(tmp_path) as database:
        database.store("texts", pa.table({"entry": neighbours(seed=len(text))}))
        read, differing = database.row(
            f"select count({quick}), count(*) filter (({quick}) is distinct from ({plain})) from texts"
        )
    assert read > 100
    assert differing == 0


def test_a_column_of_no_such_shape_is_read_by_the_pattern():
    assert TimeColumn("when", None, None, [], ["2024-01-01 10:00:00.5"]).sql("entry") == ISO_FAST.format("entry")


ZONED = [f"{text}{zone}" for text in SHAPES[1:] for zone in ("Z", "UTC", "+01:00", "-0530", "+02")]


@pytest.mark.parametrize("text", ZONED[::3])
def test_the_quick_reading_of_a_zone_is_that_of_the_careful_one(text, tmp_path):
    zone = text[16:] if text[16] != ":" else text[19:]
    entries = sorted({f"{entry}{zone}" for entry in neighbours(seed=len(text))} | set(ZONED) | set(SHAPES))
    quick = TimeColumn("when", None, None, [], [text]).sql("entry")
    with connected(tmp_path) as database:
        database.store("texts", pa.table({"entry": entries}))
        rows = database.rows(f"select entry, {quick} as moment from texts where {quick} is not null")
    assert len(rows) > 50
    read = pd.DataFrame(rows, columns=["entry", "moment"]).astype({"moment": "datetime64[us]"})
    careful, faults = with_text_times(wrap(read), "entry", "careful")
    assert not faults
    assert (careful.to_native()["careful"].astype("datetime64[us]") == read["moment"]).all()
    assert all(entry.endswith(zone) for entry in read["entry"])
