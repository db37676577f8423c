"""``opsroom-client``, also as ``python -m opsroom_client``: the command line of the client alone."""

from opsroom_client.cli.main import main as command_line

PROGRAM = "opsroom-client"


def main() -> int:
    """Run it, and end with its exit code."""
    return command_line(program=PROGRAM)


if __name__ == "__main__":
    main()
