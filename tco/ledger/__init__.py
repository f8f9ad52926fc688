"""Usage, lifecycle and quotes become lines of the one cost model."""
