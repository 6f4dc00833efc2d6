"""What everybody has who does something beside the crowd."""

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class Hand(threading.Thread):
    """Works until it is `over`; what ends it before is one of its `troubles`, as a round without it proves less."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()
        self.troubles: list[str] = []

    def run(self) -> None:
        """Work, and keep what goes wrong."""
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is told when the round is over
            traceback.print_exc()
            self.troubles.append(f"{type(self).__name__} gave up: {error!r}")

    def work(self) -> None:
        """Do one thing after the other until it is over."""
        raise NotImplementedError


@contextmanager
def at_work(*hands: Hand) -> Iterator[None]:
    """Let them work until the block ends, and wait for what they are about."""
    for hand in hands:
        hand.start()
    try:
        yield
    finally:
        for hand in hands:
            hand.over.set()
        for hand in hands:
            hand.join()
