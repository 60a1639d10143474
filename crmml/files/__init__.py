"""The only package that opens and writes tables on disk: one opener and one writer for every door."""

from .reading import columns_of, csv_chunks, kind_of, read_table, ruler_of
from .writing import guarded, only_writer, replacing, unguarded, write_table

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
