"""What is said of A3C, put to the test on several tasks: ``python -m experiments.claims``."""
