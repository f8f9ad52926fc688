"""Other tools' records of experiments, read without changing them."""
