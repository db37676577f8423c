"""Limits of one upload."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """``size`` of a file in bytes; ``seconds`` that it may take, of which ``idle_seconds`` without a byte."""

    size: int
    idle_seconds: float
    seconds: float
