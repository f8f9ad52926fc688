"""A fixed number of places that serve requests first come, first served, on SimPy's clock."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import simpy
from numpy.typing import NDArray

Array = NDArray[np.float64]


def start_times_s(arrivals_s: Array, service_s: Array, *, places: int) -> Array:
    """Return when each request starts to be served [s].

    Args:
        arrivals_s: Arrival times, ascending [s].
        service_s: Service time of each request [s].
        places: Requests that can be served at once [-].
    """
    environment = simpy.Environment()
    desk = simpy.Resource(environment, capacity=places)
    starts_s = np.empty_like(arrivals_s)

    def serve(number: int, arrival_s: float) -> Generator[simpy.Event, None, None]:
        yield environment.timeout(arrival_s)
        with desk.request() as turn:
            yield turn
            starts_s[number] = environment.now
            yield environment.timeout(service_s[number])

    # All are sent off at time 0: a delay from there is an absolute time, and nothing is rounded.
    for number, arrival_s in enumerate(arrivals_s):
        environment.process(serve(number, arrival_s))
    environment.run()
    return starts_s
