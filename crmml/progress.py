"""Progress bars: on standard error, gone when they are done, and not there at all where nobody looks at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def tracked(steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield the steps and show how far they are.

    Parameters
    ----------
    steps : iterable
    description : str
        What is being done, as in "Scoring".
    total : int, default=None
        How many steps there are, where their container does not say.

    Yields
    ------
    object
        Each step.

    Examples
    --------
    >>> list(tracked([1, 2, 3], "Counting"))    # without a terminal there is no bar
    [1, 2, 3]
    """
    if not sys.stderr.isatty():
        yield from steps
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(steps, description=description, total=total, transient=True, console=Console(stderr=True))
