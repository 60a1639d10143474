"""What a decision process is asked to decide: chains, rewards and costs, read with every fault in one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import Faults
from ...exceptions import DataError
from ..process.chain import StageChain


@dataclass(frozen=True)
class DecisionRequest:
    """Chains by action, and arrays (n_stages, n_actions) of reward, cost and what can be done."""

    chains: dict[str, StageChain]
    reward: np.ndarray
    cost: np.ndarray
    possible: np.ndarray


def read_decisions(chains: Mapping[str, StageChain], reward: Any, cost: Any) -> DecisionRequest:
    """Return the request, checked.

    Raises
    ------
    DataError
        With every fault.
    """
    own = _read_chains(chains)
    faults = Faults("the decision process")
    faults.extend(_faults_of_chains(own))
    amounts = _by_action(cost if cost is not None else {}, own, faults)
    rewards = _rewards(reward, own, faults)
    faults.refuse()
    first = next(iter(own.values()))
    pay = np.column_stack([first._per_stage(rewards[name], "reward") for name in own])
    spent = np.column_stack([_cost(amounts.get(name, 0.0), first) for name in own])
    possible = np.isfinite(spent)
    if not possible.any(axis=1).all():
        raise DataError(["in some stage no action can be taken"], "cost")
    return DecisionRequest(own, pay, np.where(possible, spent, 0.0), possible)


def _read_chains(chains: Any) -> dict[str, StageChain]:
    if not isinstance(chains, Mapping) or not chains:
        raise DataError(["it must map at least one action to a StageChain"], "chains")
    if wrong := [name for name, chain in chains.items() if not isinstance(chain, StageChain)]:
        raise DataError([f"{name!r} is mapped to no StageChain" for name in wrong], "chains")
    return {str(name): chain for name, chain in chains.items()}


def _faults_of_chains(chains: dict[str, StageChain]) -> list[str]:
    (lead, first), *others = chains.items()
    return [
        f"{name!r} differs from {lead!r} in its stages, rupture or period"
        for name, chain in others
        if (chain.stages.names, chain.stages.rupture, chain.period)
        != (first.stages.names, first.stages.rupture, first.period)
    ]


def _by_action(cost: Any, chains: dict[str, StageChain], faults: Faults) -> dict[str, Any]:
    if not isinstance(cost, Mapping):
        faults.add("cost must map actions to amounts")
        return {}
    amounts = {str(name): value for name, value in cost.items()}
    faults.extend(f"cost names {name!r}, which is no action" for name in amounts if name not in chains)
    return amounts


def _rewards(reward: Any, chains: dict[str, StageChain], faults: Faults) -> dict[str, Any]:
    """Return the reward of each action: its own where actions are named, else the one for all."""
    if not isinstance(reward, Mapping):
        return dict.fromkeys(chains, reward)
    named = {str(name): value for name, value in reward.items()}
    stages = next(iter(chains.values())).stages.names
    if not set(named) & set(chains) or set(named) & set(stages):
        return dict.fromkeys(chains, named)
    if missing := [name for name in chains if name not in named]:
        faults.add(f"reward leaves out {', '.join(map(repr, missing))}")
    return named


def _cost(value: Any, chain: StageChain) -> np.ndarray:
    if isinstance(value, Mapping):
        if missing := [name for name in chain.stages.names if name not in value]:
            raise DataError([f"it leaves out the stage(s) {', '.join(map(repr, missing))}"], "cost")
        value = [value[name] for name in chain.stages.names]
    array = np.asarray(value, dtype=float)
    if array.shape not in ((), (len(chain),)):
        raise DataError(
            [f"its shape is {array.shape}; give one number, or one for each of {len(chain)} stages"], "cost"
        )
    array = np.broadcast_to(array, (len(chain),))
    if (array < 0).any():
        raise DataError([f"it is negative ({array.min():g})"], "cost")
    return array
