"""The only package that opens and writes tables on disk: one opener and one writer for every door."""

from .formulas import guarded, unguarded
from .reading import columns_of, csv_chunks, kind_of, read_table, ruler_of
from .writing import only_writer, replacing, write_table

__all__ = [
    "columns_of",
    "csv_chunks",
    "guarded",
    "kind_of",
    "only_writer",
    "read_table",
    "replacing",
    "ruler_of",
    "unguarded",
    "write_table",
]
