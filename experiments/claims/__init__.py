"""Experiments on the claims made about A3C, on several tasks: ``python -m experiments.claims``."""
