"""The command behind `./opsroom`: makes the environment, runs, tests and measures the portal.

`bootstrap` runs in whatever Python the machine has, everything else in the environment it makes. All of it
imports the standard library only: what the launcher doesn't import, a start needn't wait for.
"""
