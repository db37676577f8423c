"""The command ``opsroom-client``, also ``python -m opsroom_client``."""

from opsroom_client.cli.main import main as command_line

PROGRAM = "opsroom-client"


def main() -> int:
    """Run the command line and exit."""
    return command_line(program=PROGRAM)


if __name__ == "__main__":
    main()
