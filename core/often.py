"""How often something may happen within a minute, whenever that minute begins."""

from collections import deque

MINUTE = 60.0  # seconds


class AMinute:
    """So many times within any minute, and no more."""

    def __init__(self, most: int) -> None:
        self._moments: deque[float] = deque(maxlen=most)

    def is_too_often(self, moment: float) -> bool:
        """Note that it happens at a moment, in seconds; return whether that is once too often."""
        moments = self._moments
        is_full = len(moments) == moments.maxlen
        too_often = is_full and moment - moments[0] < MINUTE
        moments.append(moment)
        return too_often
