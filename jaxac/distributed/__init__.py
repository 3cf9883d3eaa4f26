"""Several processes that train one run: process 0 leads, the others do as it says. Imports no JAX.

The leader composes the configuration, decides every chunk, and alone writes files; a follower is told both over a
connection of its own, and computes the same calls on its own devices. That connection is also how a process that is
lost is noticed, which JAX would tell late, or never.
"""
