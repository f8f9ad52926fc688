"""Readers of other tools' result files: one file a format, recognised by content."""
