"""Workload and random generator become arrivals."""
