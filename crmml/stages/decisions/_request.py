"""What a decision process is asked to decide: chains, rewards and costs, read with every fault in one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import Faults
from ...exceptions import DataError, shown
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
    pay = _pay(rewards, first, faults)
    spent = [faults.check(_cost, amounts.get(name, 0.0), name, first) for name in own]
    faults.refuse()
    costs = np.column_stack(spent)  # type: ignore[arg-type]  # None only where a fault was refused
    possible = np.isfinite(costs)
    if idle := [stage for stage, some in zip(first.stages.names, possible.any(axis=1), strict=True) if not some]:
        faults.add(f"cost is inf for all actions in {', '.join(map(repr, idle))}, so that none can be taken there")
        faults.refuse()
    return DecisionRequest(own, np.column_stack(pay), np.where(possible, costs, 0.0), possible)


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
    faults.extend(f"cost names {name!r}, which is not an action" for name in amounts if name not in chains)
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


def _pay(rewards: dict[str, Any], chain: StageChain, faults: Faults) -> list[np.ndarray]:
    """Each action's reward by stage; a reward that all share is read once."""
    shared = len({id(value) for value in rewards.values()}) == 1
    read = {}
    for name, value in list(rewards.items())[: 1 if shared else None]:
        try:
            read[name] = chain._per_stage(value, "reward")
        except DataError as error:
            faults.extend(f"{'reward' if shared else f'reward of {name!r}'}: {fault}" for fault in error.faults)
    return list(read.values()) * (len(rewards) if shared else 1)


def _cost(value: Any, action: str, chain: StageChain) -> np.ndarray:
    """An action's cost by stage; inf forbids it there, NaN says nothing and is refused."""
    what = f"cost of {action!r}"
    if isinstance(value, Mapping):
        faults = [f"{what} leaves out the stage {name!r}" for name in chain.stages.names if name not in value]
        faults += [f"{what} names {name!r}, which is not a stage" for name in value if name not in chain.stages.names]
        if faults:
            raise DataError(faults, "cost")
        value = [value[name] for name in chain.stages.names]
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise DataError([f"{what} must be numbers, not {shown(value)}"], "cost") from None
    if array.shape not in ((), (len(chain),)):
        raise DataError(
            [f"{what} has the shape {array.shape}; give one number, or one for each of {len(chain)} stages"], "cost"
        )
    array = np.broadcast_to(array, (len(chain),))
    faults = []
    if (missing := np.isnan(array)).any():
        named = ", ".join(repr(name) for name, m in zip(chain.stages.names, missing, strict=True) if m)
        faults.append(f"{what} is missing in {named}; give a number, or inf where the action cannot be taken")
    if (array < 0).any():
        faults.append(f"{what} is negative ({np.nanmin(array):g}); what an action brings is a reward")
    if faults:
        raise DataError(faults, "cost")
    return array
