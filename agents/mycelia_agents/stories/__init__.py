"""Stories: what a commons is for, told by real peers in real processes, through the same client that scripts use.

Each story is a function of a `Troupe`: its peers are up, connected, and of one
commons. It does what the people in it would do, checks what must have come of it,
and returns what there is to tell.
"""

from __future__ import annotations

from . import hardware, kitchens, makers
from .troupe import PlayFailed, Story, play

STORIES: dict[str, Story] = {story.name: story for story in (kitchens.STORY, makers.STORY, hardware.STORY)}

__all__ = ["STORIES", "PlayFailed", "Story", "play"]
