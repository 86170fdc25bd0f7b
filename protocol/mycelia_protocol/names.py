"""Names: of resource classes, impacts, predicates, profiles, stages: dotted or dashed lower-case ASCII.

    >>> is_name("food.dry-rice"), is_name("Food"), is_name("")
    (True, False, False)

Spec: 06-charter, `class-name`.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][a-z0-9]*([-.][a-z0-9]+)*", re.ASCII)
MAX_NAME = 64


def is_name(value: object) -> bool:
    """Return whether a value is text of 1 to 64 bytes that is named like a resource class."""
    return type(value) is str and len(value) <= MAX_NAME and _NAME.fullmatch(value) is not None
