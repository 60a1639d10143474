"""The only package that knows dataframe engines and files: columns by name, the period index, rulers, a frame like the caller's."""

from .calendar import MICROSECONDS_PER_DAY, first_day_of, index_of, last_complete, period_index, period_of
from .engines import (
    AnyFrame,
    check_columns,
    check_names,
    collected,
    from_arrow,
    from_columns,
    is_frame,
    like,
    optimised,
    reordered,
    to_arrow,
    to_columns,
    unhashable,
    with_identifier,
    wrap,
)
from .identifiers import look_alikes, may_look_alike, with_identifiers, with_plain_integers
from .queries import count_rows, distinct, finished, is_eager, labelled_days, pandas_behind, taken, unwrap, with_running
from .ruler import Ruler, get_ruler, set_ruler
from .text_times import with_text_times
from .texts import is_blank, trimmed, with_texts

__all__ = [
    "MICROSECONDS_PER_DAY",
    "AnyFrame",
    "Ruler",
    "check_columns",
    "check_names",
    "collected",
    "count_rows",
    "distinct",
    "finished",
    "first_day_of",
    "from_arrow",
    "from_columns",
    "get_ruler",
    "index_of",
    "is_blank",
    "is_eager",
    "is_frame",
    "labelled_days",
    "last_complete",
    "like",
    "look_alikes",
    "may_look_alike",
    "optimised",
    "pandas_behind",
    "period_index",
    "period_of",
    "reordered",
    "set_ruler",
    "taken",
    "to_arrow",
    "to_columns",
    "trimmed",
    "unhashable",
    "unwrap",
    "with_identifier",
    "with_identifiers",
    "with_plain_integers",
    "with_running",
    "with_text_times",
    "with_texts",
    "wrap",
]
