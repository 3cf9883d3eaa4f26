"""``python -m jaxac.report``: see :mod:`jaxac.report.command`."""

from jaxac.report.command import main

main()
