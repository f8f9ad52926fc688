"""Service curves from what was recorded: kernel profiles and request logs."""
