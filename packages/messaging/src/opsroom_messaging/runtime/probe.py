"""``python -m opsroom_messaging.runtime.probe PORT``: exit 0 if ``/readyz`` there says 200. For containers.

The images have no curl, and should not.
"""

import sys
from http.client import HTTPConnection, HTTPException

_ANSWER_SECONDS = 4.0


def is_ready(port: int) -> bool:
    """Whether ``GET /readyz`` on this machine's ``port`` answers 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
