"""Settings of the simulated provider."""

from typing import Annotated

from pydantic import Field

from opsroom_runtime.settings import Settings


class SimulatedSettings(Settings):
    """Part of the agent's settings.

    ``simulated_delay_seconds``: how long an operation takes. ``simulated_failure_rate``: share of the
    operations that fail, 0 to 1. ``simulated_lost_reply_rate``: share of the operations that are done
    although their reply is lost. ``simulated_progress_steps``: how many steps of progress an operation
    reports. ``simulated_pull_seconds``: how much longer the first server of a template takes, as if its image
    were downloaded. ``simulated_adoptable``: how many servers exist from the start. ``simulated_log_rate``:
    log lines per second of a running server.
    """

    simulated_delay_seconds: Annotated[float, Field(ge=0, le=3600)] = 1.0
    simulated_failure_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    simulated_lost_reply_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    simulated_progress_steps: Annotated[int, Field(ge=1, le=100)] = 4
    simulated_pull_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    simulated_adoptable: Annotated[int, Field(ge=0, le=1000)] = 3
    simulated_log_rate: Annotated[float, Field(gt=0, le=100_000)] = 1.0
