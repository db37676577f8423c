"""What gateways tell each other."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from opsroom_contracts.model import Identifier, Model


class Spent(Model):
    """How much of a limit was used up at ``gateway`` since it last told, by user or address."""

    gateway: Identifier
    limit: Identifier
    counts: dict[
        Annotated[str, Field(min_length=1, max_length=128)], Annotated[int, Field(ge=1, le=1_000_000)]
    ]


SPENT = TypeAdapter(Spent)
