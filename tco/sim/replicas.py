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

    def serve(number: int) -> Generator[simpy.Event, None, None]:
        with desk.request() as turn:
            yield turn
            starts_s[number] = environment.now
            yield environment.timeout(service_s[number])

    def arrive() -> Generator[simpy.Event, None, None]:
        for number, arrival_s in enumerate(arrivals_s):
            # An absolute time, so that rounding does not add up over a long stream.
            yield environment.timeout(max(0.0, arrival_s - environment.now))
            environment.process(serve(number))

    environment.process(arrive())
    environment.run()
    return starts_s
