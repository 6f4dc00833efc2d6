"""What systemd and compose do in production: start a server again that has ended."""

from bench.faults.site import Site
from bench.soak.hands import Hand

LOOK = 0.5  # seconds


class Supervisor(Hand):
    """Granian ends as a whole when its worker dies twice within 3.5 seconds; `restarts` counts how often it did."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site, self.restarts = site, 0

    def work(self) -> None:
        """Look after the site's processes until it is over."""
        while not self.over.wait(LOOK):
            for process in self.site.web:
                if process.running is not None and process.running.poll() is not None:
                    process.start(wait=False)
                    self.restarts += 1
