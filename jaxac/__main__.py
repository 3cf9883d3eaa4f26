"""``python -m jaxac``: lists the commands."""

import sys
from importlib import metadata

_HELP = """\
jaxac {version}: actor-critic reinforcement learning in JAX

  python -m jaxac.train +algo=a2c env.num_envs=4096    train; --help lists the settings, --cfg job shows their values
  python -m jaxac.train -m +algo=a2c seed=0,1,2        a sweep; hydra/launcher=vmap trains its jobs side by side
  python -m jaxac.train resume=DIRECTORY               continue a run or a sweep after any stop
  python -m jaxac.evaluate DIRECTORY episodes=1000     evaluate a trained policy; --gif FILE draws an episode
  python -m jaxac.report DIRECTORY...                  one page on runs and sweeps

In Python: import jaxac; help(jaxac)
"""


def main() -> None:
    """Prints the commands; with ``--version``, the version."""
    version = metadata.version("jaxac")
    asked = sys.argv[1:]
    if asked == ["--version"]:
        print(version)
    elif asked in ([], ["-h"], ["--help"], ["help"]):
        print(_HELP.format(version=version), end="")
    else:
        print(f"jaxac: {asked[0]} is not a command; python -m jaxac lists them.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
