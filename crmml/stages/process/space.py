"""The stages a relationship can be in: names in their order, what absorbs, which moves can happen at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ...checks import Faults, check_count
from ...exceptions import DataError, shown
from ...typing import ArrayLike


@dataclass(frozen=True)
class StageSpace:
    """An ordered set of relationship stages, with the moves between them that can happen.

    Parameters
    ----------
    names : sequence of str
        The stages in their order, which is the order of every array; no name twice.
    rupture : str or sequence of str, default=None
        The stage (or stages) in which the relationship is broken. It need not absorb: win-back arcs may lead out of it.
    absorbing : sequence of str, default=()
        Stages that are never left. They are declared here and never inferred from where the data stop.
    allowed : mapping, iterable of pairs or boolean array, default=None
        Moves that can happen: ``{from: [to, ...]}`` or pairs ``(from, to)`` list the moves between different stages,
        staying being always possible; a boolean array of shape (n, n) states everything, its diagonal included. None
        allows every move. Moves out of absorbing stages are removed.
    labels : mapping, default=None
        ``{name: label}`` or ``{name: {language: label}}`` for tables and plots, languages such as "en" and "zh".

    Raises
    ------
    DataError
        Naming every fault of the arguments at once.

    Examples
    --------
    >>> from crmml.stages import StageSpace
    >>> moves = {"new": ["loyal", "gone"], "loyal": ["gone"]}
    >>> space = StageSpace(("new", "loyal", "gone"), rupture="gone", absorbing=("gone",), allowed=moves)
    >>> space.allowed_moves.astype(int)
    array([[1, 1, 1],
           [0, 1, 1],
           [0, 0, 1]])
    >>> space.codes(["loyal", None, "new"])
    array([ 1., nan,  0.])
    """

    names: tuple[str, ...]
    rupture: Any = None
    absorbing: tuple[str, ...] = ()
    allowed: Any = field(default=None, repr=False)
    labels: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        names, absorbing, rupture = (_texts(given) for given in (self.names, self.absorbing, self.rupture))
        faults = Faults("the stage space")
        faults.extend(
            _faults_of_names(names, {"rupture": rupture, "absorbing": absorbing, "labels": self.labels or ()})
        )
        moves = faults.check(_read_moves, self.allowed, names)
        faults.refuse()
        moves = _with_absorbing(np.array(moves, dtype=bool), np.isin(names, list(absorbing)))
        if stuck := [name for name, row in zip(names, moves, strict=True) if not row.any()]:
            faults.add(f"no move at all is allowed from {', '.join(map(repr, stuck))}")
        faults.refuse()
        one = None if not rupture else rupture[0] if len(rupture) == 1 else rupture
        allowed, labels = tuple(map(tuple, moves.tolist())), {} if self.labels is None else dict(self.labels)
        settled = {"names": names, "absorbing": absorbing, "rupture": one, "allowed": allowed, "labels": labels}
        for name, value in settled.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.names)

    def __hash__(self) -> int:
        return hash((self.names, self.rupture, self.absorbing, self.allowed))

    @property
    def allowed_moves(self) -> np.ndarray:
        """Boolean array (n, n): True where a move, or staying, can happen."""
        return np.array(self.allowed, dtype=bool)

    @property
    def rupture_mask(self) -> np.ndarray:
        """Boolean array (n,): True for rupture."""
        rupture = (self.rupture,) if isinstance(self.rupture, str) else (self.rupture or ())
        return np.isin(self.names, list(rupture))

    @property
    def absorbing_mask(self) -> np.ndarray:
        """Boolean array (n,): True for absorbing stages."""
        return np.isin(self.names, list(self.absorbing))

    @property
    def transient_mask(self) -> np.ndarray:
        """Boolean array (n,): True for stages that are neither rupture nor absorbing."""
        return ~(self.rupture_mask | self.absorbing_mask)

    def index(self, name: str) -> int:
        """Return the position of a stage.

        Raises
        ------
        ValueError
            When there is no such stage.
        """
        if name not in self.names:
            raise ValueError(f"{name!r} is not a stage; stages: {', '.join(self.names)}.")
        return self.names.index(name)

    def label(self, name: str, language: str = "en") -> str:
        """Return the stage's label in a language, or its name where it has none."""
        label = self.labels.get(self.names[self.index(name)], name)
        return str(label.get(language, name) if isinstance(label, Mapping) else label)

    def codes(self, values: ArrayLike) -> np.ndarray:
        """Return the float codes of stage names (or of codes themselves), NaN for missing ones.

        Where names are whole numbers, such as "1" and "2", a number is taken for the name and not for a code.

        Raises
        ------
        DataError
            Naming and counting the values that are not stages.
        """
        column = pd.Series(np.asarray(values, dtype=object).ravel())
        missing = column.isna().to_numpy()
        codes = column.map({name: float(i) for i, name in enumerate(self.names)})
        unknown = codes.isna().to_numpy() & ~missing
        if unknown.any() and any(name.lstrip("-").isdigit() for name in self.names):  # numbers are names, not codes
            named = {name: float(i) for i, name in enumerate(self.names)}
            codes[unknown] = column[unknown].map(lambda value: named.get(_as_text(value), np.nan))
            unknown = codes.isna().to_numpy() & ~missing
        elif unknown.any():
            as_number = pd.to_numeric(column[unknown], errors="coerce").to_numpy(dtype=float)
            legal = (as_number == np.floor(as_number)) & (as_number >= 0) & (as_number < len(self))
            codes[np.flatnonzero(unknown)[legal]] = as_number[legal]
            unknown[np.flatnonzero(unknown)[legal]] = False
        if unknown.any():
            found = ", ".join(map(shown, pd.unique(column[unknown])[:3]))
            raise DataError(
                [
                    f"{int(unknown.sum()):,} of {len(column):,} values name no stage ({found}); stages: "
                    f"{', '.join(self.names)}, or their codes 0 to {len(self) - 1}"
                ],
                "the column of stages",
            )
        return codes.to_numpy(dtype=float)


def _texts(given: Any) -> tuple[str, ...]:
    """Return names as text, from one name, several, or None."""
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Iterable):
        return (str(given),)
    return tuple(str(name) for name in given)


def _as_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


#: A stage space, the names of its stages, or their number.
StagesLike: TypeAlias = StageSpace | Sequence[str] | int


def as_stage_space(stages: StagesLike) -> StageSpace:
    """Return a stage space from one, or from a sequence of names in which every move is allowed and nothing absorbs."""
    if isinstance(stages, StageSpace):
        return stages
    if isinstance(stages, int | np.integer) and not isinstance(stages, bool):
        return StageSpace(tuple(f"stage_{i + 1}" for i in range(int(stages))))
    if isinstance(stages, str) or not isinstance(stages, Iterable):
        raise ValueError(f"stages={stages!r} must be a StageSpace, a sequence of names or their number.")
    return StageSpace(tuple(stages))


def relationship_lifecycle(*, win_back: bool = True) -> StageSpace:
    """Return the five stages of the relationship life cycle of the Chinese literature, return arcs included.

    Exploration 考察期, formation 形成期, stability 稳定期, decline 退化期 and rupture 破裂期. The staged, cyclic view and the
    aim (to lower, at every stage, the probability of rupture) follow Lu and Zhang [1]_, of whose work only a review's
    account was at hand; the names of the stages are those of the Chinese life-cycle literature [2]_, not theirs.

    Parameters
    ----------
    win_back : bool, default=True
        Keep the arcs that lead out of rupture; without them rupture absorbs.

    References
    ----------
    .. [1] Lu Xiaowei 路晓伟 and Zhang Xinxin 张欣欣: work on the stages and cycles of customer relationships as a Markov
       process, as reported in a review.
    .. [2] Chen Mingliang 陈明亮 (2002), on the customer life cycle 客户生命周期: 考察期, 形成期, 稳定期, 退化期.

    Examples
    --------
    >>> from crmml.stages import relationship_lifecycle
    >>> space = relationship_lifecycle()
    >>> space.names
    ('exploration', 'formation', 'stability', 'decline', 'rupture')
    >>> space.label("rupture", "zh")
    '破裂期'
    """
    labels = {
        "exploration": {"en": "Exploration", "zh": "考察期"},
        "formation": {"en": "Formation", "zh": "形成期"},
        "stability": {"en": "Stability", "zh": "稳定期"},
        "decline": {"en": "Decline", "zh": "退化期"},
        "rupture": {"en": "Rupture", "zh": "破裂期"},
    }
    return StageSpace(tuple(labels), rupture="rupture", absorbing=() if win_back else ("rupture",), labels=labels)


def dwyer_schurr_oh() -> StageSpace:
    """Return the five phases of Dwyer, Schurr and Oh [1]_: awareness, exploration, expansion, commitment, dissolution.

    Dissolution is the rupture and absorbs. A relationship deepens one phase at a time and can dissolve from any.

    References
    ----------
    .. [1] Dwyer, F. R., Schurr, P. H. and Oh, S. (1987), Developing buyer-seller relationships. Journal of Marketing
       51(2), 11-27.

    Examples
    --------
    >>> from crmml.stages import dwyer_schurr_oh
    >>> dwyer_schurr_oh().absorbing
    ('dissolution',)
    """
    labels = {
        "awareness": {"en": "Awareness", "zh": "认知"},
        "exploration": {"en": "Exploration", "zh": "探索"},
        "expansion": {"en": "Expansion", "zh": "扩展"},
        "commitment": {"en": "Commitment", "zh": "承诺"},
        "dissolution": {"en": "Dissolution", "zh": "解体"},
    }
    moves = {
        "awareness": ("exploration", "dissolution"),
        "exploration": ("awareness", "expansion", "dissolution"),
        "expansion": ("exploration", "commitment", "dissolution"),
        "commitment": ("expansion", "dissolution"),
    }
    return StageSpace(tuple(labels), rupture="dissolution", absorbing=("dissolution",), allowed=moves, labels=labels)


def recency_stages(n: int) -> StageSpace:
    """Return the stages of Pfeifer and Carraway [1]_: periods since the last purchase, 1 to n, and lost.

    From each a purchase leads back to recency 1, and none to the next recency; after recency n comes lost, which is the
    rupture and absorbs.

    Parameters
    ----------
    n : int
        Number of recencies, at least 1.

    References
    ----------
    .. [1] Pfeifer, P. E. and Carraway, R. L. (2000), Modeling customer relationships as Markov chains. Journal of
       Interactive Marketing 14(2), 43-55.

    Examples
    --------
    >>> from crmml.stages import recency_stages
    >>> recency_stages(3).allowed_moves.astype(int)
    array([[1, 1, 0, 0],
           [1, 0, 1, 0],
           [1, 0, 0, 1],
           [0, 0, 0, 1]])
    """
    n = check_count(n, "n", least=1, most=1000)
    names = (*(f"recency_{i}" for i in range(1, n + 1)), "lost")
    moves = np.zeros((n + 1, n + 1), dtype=bool)
    moves[:n, 0] = True
    moves[np.arange(n), np.arange(1, n + 1)] = True
    moves[n, n] = True
    chinese = {f"recency_{i}": {"en": f"Last bought {i} ago", "zh": f"距上次购买{i}期"} for i in range(1, n + 1)}
    return StageSpace(
        names,
        rupture="lost",
        absorbing=("lost",),
        allowed=moves,
        labels={**chinese, "lost": {"en": "Lost", "zh": "流失"}},
    )


def _faults_of_names(names: tuple[str, ...], chosen: Mapping[str, Iterable[str]]) -> list[str]:
    faults = []
    if not names:
        faults.append("names is empty; at least one stage is needed")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"names has {', '.join(map(repr, twice))} more than once")
    for what, some in chosen.items():
        if unknown := [name for name in some if name not in names]:
            faults.append(
                f"{what} names {', '.join(map(repr, unknown))}, which is not a stage; stages: {', '.join(names)}"
            )
    return faults


def _with_absorbing(moves: np.ndarray, absorbing: np.ndarray) -> np.ndarray:
    return np.where(absorbing[:, None], np.eye(len(moves), dtype=bool), moves)


def _read_moves(allowed: Any, names: Sequence[str]) -> np.ndarray:
    """Return the boolean matrix of moves from a mapping, pairs or a matrix; None allows every move."""
    if allowed is None:
        return np.ones((len(names), len(names)), dtype=bool)
    if isinstance(allowed, Mapping):
        return _moves_of_pairs(
            [(a, b) for a, to in allowed.items() for b in ((to,) if isinstance(to, str) else to)], names
        )
    listed = list(allowed)
    if (matrix := _as_matrix(np.asarray(listed), len(names))) is not None:
        return matrix
    if wrong := [entry for entry in listed if isinstance(entry, str) or len(tuple(entry)) != 2]:
        raise ValueError(f"allowed must list pairs (from, to), not {wrong[0]!r}")
    return _moves_of_pairs([tuple(entry) for entry in listed], names)


def _as_matrix(matrix: np.ndarray, n: int) -> np.ndarray | None:
    """Return a boolean matrix of moves, or None for what is no such matrix."""
    zeros_and_ones = matrix.shape == (n, n) and matrix.dtype.kind in "iuf" and np.isin(matrix, (0, 1)).all()
    if matrix.dtype == bool and matrix.shape != (n, n):
        raise ValueError(f"allowed has the shape {matrix.shape}, not {(n, n)}")
    return matrix.astype(bool) if matrix.dtype == bool or zeros_and_ones else None


def _moves_of_pairs(pairs: list[tuple[Any, Any]], names: Sequence[str]) -> np.ndarray:
    if unknown := sorted({repr(name) for pair in pairs for name in pair if name not in names}):
        raise ValueError(f"allowed names {', '.join(unknown)}, which is not a stage; stages: {', '.join(names)}")
    moves = np.eye(len(names), dtype=bool)
    for origin, to in pairs:
        moves[names.index(origin), names.index(to)] = True
    return moves
