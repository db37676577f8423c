"""The `./opsroom` command: installs the environment, and runs, tests and measures the portal.

`bootstrap` and `cli` run in the Python of the machine, with the standard library only. Everything else runs
in the environment that they install.
"""
