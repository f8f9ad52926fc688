"""What the compiled kernel works on: arrays by name, and the meaning of their places."""

from __future__ import annotations

from typing import NamedTuple

from tco.sim.line_kernel import WAITING_COLUMNS, Array, Whole

# How a request finds its line.
ONE_LINE, ROUND_ROBIN, LEAST_LOADED, TWO_CHOICES = range(4)

# Places in the counters: what has happened so far, and whose turn it is.
JOINED, STARTED, DROPPED, ABANDONED, BATCHES, ANSWERED, UNANSWERED = range(7)
NEXT_FACTOR, NEXT_BACK_FACTOR, NEXT_DRAW, LAST_LINE = range(7, 11)
COUNTERS = 11
# Columns of an hour's record. Requests count in the hour of their arrival or, once served, in that
# in which their batch started; time and energy in the hours that they fall in.
(
    HOUR_ARRIVED,
    HOUR_DROPPED,
    HOUR_ABANDONED,
    HOUR_STARTED,
    HOUR_BATCHES,
    HOUR_BUSY_S,
    HOUR_JOULES,
    HOUR_WAIT_S,
    HOUR_LATE,
    HOUR_WAITING_S,
    HOUR_INPUT_TOKENS,
    HOUR_OUTPUT_TOKENS,
    HOUR_DUE,
    HOUR_MET,
) = range(14)
HOUR_COLUMNS = 14
# Columns of a request in a batch that is not answered yet, behind those that it has in a line.
SERVED_START_S, SERVED_RANK = WAITING_COLUMNS, WAITING_COLUMNS + 1
SERVED_COLUMNS = WAITING_COLUMNS + 2

STATUS_WAITING, STATUS_SERVED, STATUS_DROPPED, STATUS_ABANDONED = range(4)


class Incoming(NamedTuple):
    """Requests in the order in which they join; columns are empty where all are alike."""

    joins_s: Array
    came_s: Array
    """When each came to the host work before its batch; empty if that is when it joins [s]."""
    numbers: Whole
    """Place of each in the outputs; empty if they count on from a first one."""
    ranks: Whole
    sizes: Whole
    own_s: Array
    patience_s: Array
    input_tokens: Array
    output_tokens: Array
    due_s: Array


class Plan(NamedTuple):
    """How requests are served; the same throughout a run."""

    seconds: Array
    """Of a batch, by hardware, size class and batch [s]."""
    joules: Array
    factors: Array
    """On the seconds of batches, in turn; empty if they have no spread [-]."""
    preferred: Whole
    """Preferred sizes, ascending; the last is the largest batch."""
    max_wait_s: float
    queue_limit: int
    """Most requests that wait in one line; negative if there is no limit."""
    patience_s: float
    """How long a request waits that has no patience of its own [s]."""
    goal_s: float
    discipline: int
    draws: Array
    """Uniform numbers for the two choices, in turn [-]."""
    width: int
    """Slots that serve one line."""
    back_s: float
    """Host work after the batch, for each request [s]."""
    back_factors: Array
    end_s: float
    """Answers after it are still with the host when the run ends [s]."""


class Slots(NamedTuple):
    """What serves: a replica has one slot or more."""

    free_s: Array
    """When the batch of each ends [s]."""
    takes: Whole
    """1 for those that may start a batch."""
    hardware: Whole
    in_batch: Whole
    batch: Whole
    """Number of the latest batch."""
    power_w: Array
    """Joules over seconds of the latest batch [W]."""
    answered: Whole
    """1 once the requests of the latest batch were answered, or went on to the host."""
    served: Array
    """Those requests, where host work follows or a batch may be cut off; else of no length."""
    starts_s: Array
    """Room for when the next batch of each line starts [s]."""
    first: Whole
    """Room for the slot of each line that is free first."""
    back_free_s: Array
    """When the hands of the host are free, as a heap [s]; empty if no work follows."""


class Tally(NamedTuple):
    """What has been counted."""

    counters: Whole
    busy_s: Array
    """Busy slot-seconds so far, in its one place [s]."""
    hours: Array
    busy_by_hardware: Array
    """Busy slot-seconds by hour and hardware; of no columns if there is one [s]."""
    rows: Whole
    """Rows of the histograms that an hour's requests are counted in."""
    histogram: Array
    waits: Array


class Out(NamedTuple):
    """One value a request; of no length where it is not wanted."""

    start_s: Array
    finish_s: Array
    batch: Whole
    status: Whole
