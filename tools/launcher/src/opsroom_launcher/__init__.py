"""The `./opsroom` command: installs the environment, and runs, tests and measures the portal.

`bootstrap` runs in the Python of the machine; everything else runs in the environment that it installs. Both
import little but the standard library, because imports delay the start.
"""
