"""Arrivals, service curve and deployment become usage: physical quantities only, never money."""
