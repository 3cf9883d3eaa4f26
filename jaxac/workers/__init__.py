"""Workers: processes that train parts of a sweep, each on a device of its own, here or elsewhere.

The launcher composes, checks and opens all jobs; :mod:`jaxac.workers.driver` divides them into tasks, hands these out,
and follows the files that workers write. An executor (``hydra.launcher.executor``) is what starts them:
:class:`jaxac.workers.local.Local`, :class:`jaxac.workers.on_ray.OnRay`, :class:`jaxac.workers.on_submitit.OnSubmitit`.
Nothing of a run knows of all this: a worker calls :func:`jaxac.runs.runner.train`. Imports no JAX.
"""
