"""Right-sizing: for each option the cheapest deployment that meets the goals."""

from tco.optimize.choice import Choice
from tco.optimize.search import Found, Progress, Search, cheapest
from tco.optimize.space import Space, space_of
from tco.optimize.trial import Question, Trial

__all__ = [
    "Choice",
    "Found",
    "Progress",
    "Question",
    "Search",
    "Space",
    "Trial",
    "cheapest",
    "space_of",
]
