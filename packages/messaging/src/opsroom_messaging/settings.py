"""Settings that every process reads from its environment."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BrokerSettings(BaseSettings):
    """Where the broker is, and how many copies it keeps of what is stored.

    Environment: ``NATS_URL`` (comma-separated for a cluster) and ``STREAM_REPLICAS`` (1, 3 or 5).
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    nats_url: str = "nats://127.0.0.1:4222"
    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
