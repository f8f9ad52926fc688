"""What happens at one instant of a SimPy model happens in a stated order."""

from collections.abc import Callable

import simpy
from simpy.events import Event, EventPriority


def event_at(environment: simpy.Environment, at_s: float, order: int) -> Event:
    """Return an event at a moment; of those of one instant the lowest order comes first."""
    event = Event(environment)
    event._ok, event._value = True, None
    delay_s = at_s - environment.now
    environment.schedule(event, priority=EventPriority(order), delay=delay_s)
    return event


def act_at(
    environment: simpy.Environment, at_s: float, order: int, action: Callable[[], None]
) -> None:
    """Do something at a moment."""
    callbacks = event_at(environment, at_s, order).callbacks
    assert callbacks is not None
    callbacks.append(lambda _: action())
