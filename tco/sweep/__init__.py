"""Many what-ifs of one scenario, on this machine or on a cluster: read ``run`` first."""

from tco.sweep.folder import ResultFolder
from tco.sweep.local import Local
from tco.sweep.question import Question, question_of
from tco.sweep.run import Budget, Engine, Progress, run_sweep
from tco.sweep.table import Found, Manifest, read_file, read_folder

__all__ = [
    "Budget",
    "Engine",
    "Found",
    "Local",
    "Manifest",
    "Progress",
    "Question",
    "ResultFolder",
    "question_of",
    "read_file",
    "read_folder",
    "run_sweep",
]
