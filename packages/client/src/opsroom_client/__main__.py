"""``python -m opsroom_client``: the command line."""

from opsroom_client.cli.main import main

if __name__ == "__main__":
    main()
