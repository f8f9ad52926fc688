"""Replicas on whole instances."""

from __future__ import annotations

import math

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.hardware import Instance
from tco.domain.snapshot import Snapshot
from tco.errors import InfeasibleError, MissingFigureError


def replicas_per_instance(
    deployment: SelfHostedDeployment, instance: Instance, snapshot: Snapshot
) -> int:
    """Return how many replicas fit on one instance, by accelerators, memory and vCPUs."""
    name = instance.instance_type
    takes = deployment.accelerators_per_replica
    limits = []
    if takes > 0:
        if takes > instance.accelerator_count:
            raise InfeasibleError(
                f"a replica takes {takes} accelerators and {name} has {instance.accelerator_count}"
            )
        _check_memory(snapshot, instance, takes)
        limits.append(instance.accelerator_count // takes)
    else:
        limits.append(_fit_in_host_memory(snapshot, instance))
    if deployment.vcpus_per_replica is not None:
        if instance.vcpus is None:
            raise MissingFigureError(f"vCPUs of {name} are unknown; add them to pricing/")
        if deployment.vcpus_per_replica > instance.vcpus:
            raise InfeasibleError(
                f"a replica takes {deployment.vcpus_per_replica} vCPUs and {name} has "
                f"{instance.vcpus}"
            )
        limits.append(instance.vcpus // deployment.vcpus_per_replica)
    return min(limits)


def _fit_in_host_memory(snapshot: Snapshot, instance: Instance) -> int:
    if snapshot.memory_gib is None or instance.memory_gib is None:
        is_snapshot = snapshot.memory_gib is None
        whose = f"snapshot '{snapshot.id}'" if is_snapshot else instance.instance_type
        raise MissingFigureError(
            f"memory_gib of {whose} is missing; it decides whether a replica fits"
        )
    if snapshot.memory_gib > instance.memory_gib:
        raise InfeasibleError(
            f"{snapshot.id} takes {snapshot.memory_gib:g} GiB and {instance.instance_type} has "
            f"{instance.memory_gib:g} GiB"
        )
    return int(instance.memory_gib // snapshot.memory_gib)


def _check_memory(snapshot: Snapshot, instance: Instance, accelerators: int) -> None:
    if snapshot.memory_gib is None:
        raise MissingFigureError(
            f"memory_gib of snapshot '{snapshot.id}' is missing; it decides whether it fits"
        )
    if instance.accelerator_memory_gib is None:
        raise MissingFigureError(f"accelerator memory of {instance.instance_type} is unknown")
    room = accelerators * instance.accelerator_memory_gib
    if snapshot.memory_gib > room:
        raise InfeasibleError(
            f"{snapshot.id} takes {snapshot.memory_gib:g} GiB and {accelerators} x "
            f"{instance.accelerator} hold {room:g} GiB"
        )


def share_of_instance(deployment: SelfHostedDeployment, instance: Instance, fits: int) -> float:
    """Return the part of an instance that one replica is given: by accelerators, else by vCPUs."""
    if deployment.accelerators_per_replica > 0:
        return deployment.accelerators_per_replica / instance.accelerator_count
    if deployment.vcpus_per_replica is not None and instance.vcpus is not None:
        return deployment.vcpus_per_replica / instance.vcpus
    return 1 / fits


def instances_needed(replicas: int, per_instance: int) -> int:
    """Return the whole instances that hold so many replicas.

    >>> instances_needed(5, 4)
    2
    """
    return math.ceil(replicas / per_instance)


class Instances:
    """Which instances are held: a replica lies on the one that its number belongs to.

    An instance is taken with its first replica and given back when it is empty.
    """

    def __init__(self, per_instance: int) -> None:
        self._per_instance = per_instance
        self._on: dict[int, int] = {}
        self._over_time: list[tuple[float, int]] = []

    @property
    def over_time(self) -> tuple[tuple[float, int], ...]:
        """Moments [s] and the instances held from then on."""
        return tuple(self._over_time)

    def change(self, replica: int, now_s: float, *, is_held: bool) -> None:
        """Take note that a replica came or went."""
        number = replica // self._per_instance
        before = len(self._on)
        left = self._on.get(number, 0) + (1 if is_held else -1)
        if left:
            self._on[number] = left
        else:
            del self._on[number]
        if len(self._on) != before:
            self._over_time.append((now_s, len(self._on)))
