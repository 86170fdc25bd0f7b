"""Policies: small pure agents, a file each.

A new policy is one module here with a frozen dataclass that has `decide`, and its tests.
"""

from __future__ import annotations

from .receiver import Receiver
from .softmax import SoftmaxProvider

__all__ = ["Receiver", "SoftmaxProvider"]
