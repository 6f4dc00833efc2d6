"""F11: the disks for uploads and for temporary files are full. A sale goes on, and whoever needs a file is told so."""

import errno
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from bench.crowd import Person, logged_in
from bench.faults import crowd
from bench.faults.report import Report
from bench.faults.scenes import ONE_WORKER, SOCKETS, Reply, ask, site_of
from bench.faults.site import Process, Site
from bench.stage import make_event
from bench.visits import DONE, FOUND
from core.models import Event, User
from core.tests.desk import filled

SIZE = "64k"
FILES = 40  # that one of the file systems has room for
SMALL, LARGE = 60, 1200  # pixels each way, of noise: what Django takes into memory, and what it writes to a file


def play(report: Report, quick: bool) -> None:
    """Fill the disks while people book; ask for PDFs and upload pictures; make room again."""
    report.provoked = f"MEDIA_ROOT and TMPDIR on file systems of {SIZE}, full to the last byte and file"
    with small_disk() as media, small_disk() as temporary:
        kinds: dict[str, Any] = {"MEDIA_ROOT": str(media), "TMPDIR": str(temporary)}
        with site_of(ONE_WORKER, SOCKETS, **kinds) as site:
            event, own = crowd.scene(), make_event(5)
            olga = _administrator()
            _warm_up(site, own, olga)
            said = [_fill(media), _fill(temporary)]
            report.control = f"a byte more on either disk: {' and '.join(said)}."
            report.expect(set(said) == {"ENOSPC"}, f"the disks were not full: {said}")
            before = _files(media) | _files(temporary)
            with crowd.selling(site, crowd.buyers(event, 60 if quick else 300)) as answers:
                for process in site.web:
                    _need_files(report, process, own, olga)
            report.note(f"sale beside it: {crowd.counted(answers.result())}")
            left = (_files(media) | _files(temporary)) - before
            report.expect(not left, f"files were left behind: {sorted(left)[:3]}")
            _make_room(media, temporary)
            _recover(report, site, own, olga)
            report.expect(not site.traces(), f"tracebacks were logged: {site.traces()[:3]}")
            crowd.check(report, event, answers.result())


@contextmanager
def small_disk() -> Iterator[Path]:
    """Mount a file system in memory, of very little room."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name, ExitStack() as stack:
        if os.geteuid() != 0:
            sys.exit("F11 mounts file systems, which root may do.")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},nr_inodes={FILES}", "tmpfs", name], check=True)
        stack.callback(subprocess.run, ["umount", "-l", name], check=True)
        yield Path(name)


def _administrator() -> Person:
    [person] = logged_in(1)
    User.objects.filter(pk=person.pk).update(is_staff=True, is_superuser=True)
    return person


def _warm_up(site: Site, event: Event, olga: Person) -> None:
    """Have one ticket, and its PDF from each process: where temporary files go is found out once."""
    ask(site.web[0], f"/book/{event.pk}/", olga.session, form={})
    for process in site.web:
        _pdf(process, event, olga)


def _fill(disk: Path) -> str:
    """Write until nothing goes in any more; return the word for that."""
    said = ""
    try:
        with (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(b"\0" * 512)
    except OSError as error:
        said = errno.errorcode[error.errno or 0]
    for n in range(FILES):
        try:
            (disk / f"filler-{n}").touch()
        except OSError:
            break
    return said


def _make_room(*disks: Path) -> None:
    for disk in disks:
        for filler in disk.glob("filler*"):
            filler.unlink()


def _files(disk: Path) -> set[Path]:
    return {path for path in disk.rglob("*") if path.is_file()}


def _pdf(process: Process, event: Event, person: Person) -> Reply:
    code = event.tickets.get(user=person.pk).code
    return ask(process, f"/ticket/{code}/download/", person.session, page=True)


def picture(pixels: int) -> bytes:
    """Return a PNG of noise, which nothing compresses."""
    content = io.BytesIO()
    Image.frombytes("RGB", (pixels, pixels), os.urandom(3 * pixels * pixels)).save(content, "PNG")
    return content.getvalue()


def _upload(process: Process, event: Event, olga: Person, content: bytes) -> Reply:
    """Change nothing of an event but its picture."""
    path = f"/admin/core/event/{event.pk}/change/"
    page = ask(process, path, olga.session, page=True)
    form: dict[str, Any] = filled(SimpleNamespace(content=page.content))
    return ask(process, path, olga.session, form={**form, "image": ("picture.png", content)}, page=True)


def _need_files(report: Report, process: Process, event: Event, olga: Person) -> None:
    answer = _pdf(process, event, olga)
    report.note(f"PDF {answer.status}")
    report.expect(answer.status == DONE or answer.is_busy, f"a PDF was answered {answer.status}")
    for pixels in (SMALL, LARGE):
        answer = _upload(process, event, olga, picture(pixels))
        event.refresh_from_db()
        is_clean = answer.status == DONE and b"errornote" in answer.content and not event.image
        report.note(
            f"picture of {3 * pixels * pixels // 1024} KiB {'refused with a reason' if is_clean else answer.status}"
        )
        report.expect(is_clean and not answer.is_trace, f"an upload of {pixels} pixels was answered {answer.status}")


def _recover(report: Report, site: Site, event: Event, olga: Person) -> None:
    """Count it as wrong unless with room all is as ever."""
    for process in site.web:
        event.image.delete()
        answer = _upload(process, event, olga, picture(SMALL))
        event.refresh_from_db()
        report.expect(answer.status == FOUND and bool(event.image), f"with room an upload was answered {answer.status}")
        report.expect(_pdf(process, event, olga).status == DONE, "with room there was no PDF")
    report.note("with room again both work")
