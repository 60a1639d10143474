"""What an integration linked, what disagreed, and what is still missing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from ..results import IntervalDisplay, Result
from ._canonical_text import as_pandas
from ._records import Records

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class IntegrationReport(Result):
    """Where every value came from, and every value that lost; made by :func:`crmml.customers.integrate`.

    All tables are pandas frames with rows in the order of the customers. They hold customers' data, and so does the
    report when it is pickled: keep them as you keep those. `describe` and the printed form hold counts and names of
    columns and sources alone.

    Attributes
    ----------
    links, duplicates, conflicts, gaps : DataFrame
    provenance, values, fuzzy_matches : DataFrame
    field_completeness, customer_completeness : DataFrame

    Parameters
    ----------
    records : Records
    customer : ndarray of int, shape (n_records,)
    how : ndarray of str, shape (n_records,)
    chosen : ndarray of int, shape (n_customers, n_fields)
        Record that each value comes from, -1 where no record has one.
    pairs : ndarray of int, shape (n_pairs, 2)
        Records linked by nearly equal texts.
    scores : ndarray of shape (n_pairs,)
    number : str
        Name of the column that numbers the customers.
    """

    records: Records
    customer: np.ndarray
    how: np.ndarray
    chosen: np.ndarray
    pairs: np.ndarray
    scores: np.ndarray
    number: str

    @property
    def n_customers(self) -> int:
        """Customers found."""
        return len(self.chosen)

    @property
    def fields(self) -> list[str]:
        """Names of the fields."""
        return list(self.records.fields)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed to bring the sources' columns to one type."""
        return tuple(self.records.notes)

    def _source(self, record: np.ndarray) -> np.ndarray:
        return np.asarray(self.records.names, dtype=object)[self.records.source[record]]

    @cached_property
    def links(self) -> pd.DataFrame:
        """Every record: customer number, source, row (from 0, as read), and how it was linked.

        ``how`` tells what the customer needed: "exact" keys, "normalised" ones (case, width, spaces), "fuzzy" texts;
        "alone" where it has but one record; "no key" where that has no key.

        Rows of DuckDB and PySpark, which keep no order, are numbered after sorting by all columns.
        """
        at = np.lexsort((self.records.row, self.records.source, self.customer))
        return pd.DataFrame(
            {
                self.number: self.customer[at],
                "source": self._source(at),
                "row": self.records.row[at],
                "how": self.how[at],
            }
        )

    @cached_property
    def duplicates(self) -> pd.DataFrame:
        """Customers that one source has more than once: customer number, source, records."""
        n = len(self.records.names)
        count = np.bincount(self.customer * n + self.records.source, minlength=self.n_customers * n)
        twice = np.flatnonzero(count > 1)
        names = np.asarray(self.records.names, dtype=object)
        return pd.DataFrame({self.number: twice // n, "source": names[twice % n], "records": count[twice]})

    @cached_property
    def conflicts(self) -> pd.DataFrame:
        """Every value where a customer's records disagree.

        Columns: customer number, field, kind, value, source, row, kept. ``kind`` is "spelling" where values differ only
        in case, width or spaces, else "value"; ``kept`` is true for the value that the customer has now, which several
        records may share.
        """
        parts = []
        for position, (name, field) in enumerate(self.records.fields.items()):
            filled = np.flatnonzero(field.filled)
            who = self.customer[filled]
            differing = self._distinct(who, field.exact[filled]) > 1
            rows = filled[differing[who]]
            if not rows.size:
                continue
            who = self.customer[rows]
            by_value = self._distinct(self.customer[filled], field.normal[filled]) > 1
            kept = field.exact[rows] == field.exact[self.chosen[who, position]]
            values = field.column.take(rows).to_pylist()
            parts.append(
                pd.DataFrame(
                    {
                        self.number: who,
                        "field": name,
                        "kind": np.where(by_value[who], "value", "spelling"),
                        "value": pd.Series(values, dtype=object),
                        "source": self._source(rows),
                        "row": self.records.row[rows],
                        "kept": kept,
                        "__position": position,
                        "__source": self.records.source[rows],
                    }
                )
            )
        columns = [self.number, "field", "kind", "value", "source", "row", "kept"]
        if not parts:
            return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
        table = pd.concat(parts, ignore_index=True)
        order = [self.number, "__position", "__source", "row"]
        return table.sort_values(order, ignore_index=True)[columns]

    def _distinct(self, customer: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Different codes per customer."""
        width = int(code.max(initial=0)) + 1
        return np.bincount(np.unique(customer * width + code) // width, minlength=self.n_customers)

    @cached_property
    def provenance(self) -> pd.DataFrame:
        """Where every value of the result came from: customer number, field, source, row."""
        who, position = np.nonzero(self.chosen >= 0)
        record = self.chosen[who, position]
        names = np.asarray(self.fields, dtype=object)
        return pd.DataFrame(
            {
                self.number: who,
                "field": names[position],
                "source": self._source(record),
                "row": self.records.row[record],
            }
        )

    @cached_property
    def values(self) -> pd.DataFrame:
        """What became of every value of every source: customer number, field, source, row, use.

        ``use`` is "taken" (the result has it from this record), "same" (the result has the same from another record),
        "spelling" (the result's differs in case, width or spaces only) or "lost" (another value won); of the last two the
        value stands in `conflicts`. A blank is no value.
        """
        parts = []
        for position, (name, field) in enumerate(self.records.fields.items()):
            record = np.flatnonzero(field.filled)
            taken = self.chosen[self.customer[record], position]
            alike = field.normal[record] == field.normal[taken]
            same = field.exact[record] == field.exact[taken]
            use = np.select([taken == record, same, alike], ["taken", "same", "spelling"], default="lost")
            parts.append(
                pd.DataFrame(
                    {
                        self.number: self.customer[record],
                        "field": np.full(record.size, name, dtype=object),
                        "source": self._source(record),
                        "row": self.records.row[record],
                        "use": use,
                        "__order": position,
                        "__source": self.records.source[record],
                    }
                )
            )
        table = pd.concat(parts, ignore_index=True)
        table = table.sort_values([self.number, "__order", "__source", "row"], ignore_index=True)
        return table[[self.number, "field", "source", "row", "use"]]

    def restore(self, source: str) -> pd.DataFrame:
        """Build the records of one source again, from the result, the conflicts and where each value came from.

        Rows are in the order of ``row``, columns in the source's own. Blanks come back as missing, and columns whose type differs
        between sources in the type that holds all of them.

        Parameters
        ----------
        source : str

        Raises
        ------
        ValueError
            When there is no such source.

        Examples
        --------
        >>> from crmml.customers import integrate
        >>> sales = pd.DataFrame({"licence": ["H-2", "H-1 "], "beds": [120, 800]})
        >>> _, report = integrate(sales, pd.DataFrame({"licence": ["h-1"], "beds": [900]}), keys="licence")
        >>> report.restore("source 1")
          licence  beds
        0     H-2   120
        1    H-1    800
        """
        if source not in self.records.names:
            raise ValueError(f"source={source!r} is none of {', '.join(map(repr, self.records.names))}.")
        index = self.records.names.index(source)
        here = np.flatnonzero(self.records.source == index)
        lost = self.conflicts[(self.conflicts["source"] == source) & ~self.conflicts["kept"].astype(bool)]
        columns = {}
        for position, name in enumerate(self.fields):
            if name not in self.records.columns[index]:
                continue
            field = self.records.fields[name]
            taken = self.chosen[self.customer[here], position]
            values = field.column.take(pa.array(taken, mask=~field.filled[here]))
            mine = lost[lost["field"] == name]
            if len(mine):
                values = _replaced(values, mine["row"].to_numpy(dtype=np.int64), mine["value"].tolist())
            columns[name] = values
        return as_pandas(pa.table({name: columns[name] for name in self.records.columns[index]}))

    @cached_property
    def fuzzy_matches(self) -> pd.DataFrame:
        """Pairs of records that only nearly equal texts link, least alike first: to be looked at."""
        at = np.lexsort((self.pairs[:, 1], self.pairs[:, 0], self.scores)) if len(self.pairs) else np.zeros(0, np.int64)
        a, b = self.pairs[at, 0], self.pairs[at, 1]
        return pd.DataFrame(
            {
                self.number: self.customer[a],
                "source": self._source(a),
                "row": self.records.row[a],
                "other_source": self._source(b),
                "other_row": self.records.row[b],
                "similarity": self.scores[at],
            }
        )

    @cached_property
    def field_completeness(self) -> pd.DataFrame:
        """Share of customers with a value, per field, in the result and in each source's records; emptiest first."""
        table = pd.DataFrame({"field": self.fields, "filled": (self.chosen >= 0).mean(axis=0)})
        for index, name in enumerate(self.records.names):
            here = self.records.source == index
            table[f"filled in {name}"] = [
                field.filled[here].mean() if here.any() else np.nan for field in self.records.fields.values()
            ]
        return table.sort_values("filled", kind="stable", ignore_index=True)

    @cached_property
    def customer_completeness(self) -> pd.DataFrame:
        """Share of fields filled and fields missing, per customer."""
        filled = self.chosen >= 0
        return pd.DataFrame(
            {self.number: np.arange(self.n_customers), "filled": filled.mean(axis=1), "missing": (~filled).sum(axis=1)}
        )

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """What is to be filled in: customer number and field, one row for each value that no source has."""
        who, position = np.nonzero(self.chosen < 0)
        return pd.DataFrame({self.number: who, "field": np.asarray(self.fields, dtype=object)[position]})

    def to_frame(self) -> pd.DataFrame:
        """Return how complete each field is, in the result and in each source: no customer's data is in it."""
        return self.field_completeness.copy()

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw the share of customers that have a value, for each field; the line reaches from the sources' least to their most.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        IntervalDisplay
        """
        table = self.field_completeness
        sources = table.filter(like="filled in ").to_numpy(dtype=float)
        ends = {"lower": np.nanmin(sources, axis=1), "upper": np.nanmax(sources, axis=1)}
        shown = pd.DataFrame({"quantity": table["field"], "value": table["filled"]} | ends)
        return IntervalDisplay(shown, title="Share of customers with a value (line: in the sources)").plot(ax=ax)

    def describe(self) -> str:
        """Say what was found, in counts; no customer's data is in it."""
        n, names = len(self.records), self.records.names
        size = np.bincount(self.records.source, minlength=len(names))
        said = [
            f"{n:,} records of {len(names)} source{'s' if len(names) > 1 else ''} "
            f"({', '.join(f'{name}: {k:,}' for name, k in zip(names, size, strict=True))}) are {self.n_customers:,} customers."
        ]
        how = self.links.groupby("how")[self.number].nunique()
        words = {
            "exact": "linked by equal keys",
            "normalised": "only after case, width and spaces were set aside",
            "fuzzy": "by nearly equal texts",
            "alone": "have one record",
            "no key": "have one record without a key",
        }
        said.append("Of these " + ", ".join(f"{how[k]:,} {words[k]}" for k in words if k in how) + ".")
        if len(self.duplicates):
            said.append(f"A source has {len(self.duplicates):,} of them more than once.")
        if len(self.conflicts):
            first = self.conflicts.drop_duplicates([self.number, "field"])
            by_field = ", ".join(f"{field} ({k:,})" for field, k in first["field"].value_counts().head(5).items())
            spelling = int((first["kind"] == "spelling").sum())
            said.append(
                f"Their records disagree in {len(first):,} value{'s' if len(first) != 1 else ''}, {spelling:,} of them in spelling "
                f"alone; most in {by_field}."
            )
        else:
            said.append("Their records disagree nowhere.")
        cells = self.chosen.size
        missing = int((self.chosen < 0).sum())
        worst = self.field_completeness.iloc[0]
        said.append(
            f"{missing:,} of {cells:,} values are missing ({missing / cells:.1%}), most in {worst['field']} "
            f"({1 - worst['filled']:.0%})."
            if missing
            else "No value is missing."
        )
        return " ".join([*said, *(f"Note: {note}." for note in self.notes)])

    def __repr__(self) -> str:
        return f"IntegrationReport({self.describe()})"


def _replaced(values: pa.Array, at: np.ndarray, by: list) -> pa.Array:
    """The values with those at some places replaced."""
    index = np.arange(len(values))
    index[at] = len(values) + np.arange(len(by))
    return pa.concat_arrays([values, pa.array(by, type=values.type)]).take(pa.array(index))
