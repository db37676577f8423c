"""A readiness probe for containers: ``python -m opsroom_runtime.probe PORT``.

Exits with 0 if ``/readyz`` on that port returns 200. The images have no curl.
"""

import sys
from http.client import HTTPConnection, HTTPException

_TIMEOUT_SECONDS = 4.0


def is_ready(port: int) -> bool:
    """Whether ``GET /readyz`` on this machine's ``port`` returns 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
