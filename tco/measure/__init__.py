"""What hardware did with a snapshot: measurements and the service they promise."""
