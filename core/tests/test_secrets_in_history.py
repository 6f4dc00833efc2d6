"""`make audit` looks for secrets in every commit, as what was taken out again is still in every clone."""

import contextlib
import io
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from django.test import SimpleTestCase

from tools import check_secrets

KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"  # in two pieces, as this file is looked through as well
SOMEBODY = ("-c", "user.name=alice", "-c", "user.email=alice@example.org", "-c", "commit.gpgsign=false")


class HistoryTests(SimpleTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name, "clone")
        self.root.mkdir()
        self.git("init", "--quiet")
        self.write("settings.py", "NAME = 'tickets'\n")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *SOMEBODY, *arguments], cwd=self.root, check=True, capture_output=True)

    def write(self, name: str, text: str) -> None:
        """Commit a file."""
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.git("add", name)
        self.git("commit", "--quiet", "--message", "Change it")

    def test_what_was_never_there_is_not_found(self) -> None:
        self.assertEqual(check_secrets.unknown_of_history(self.root), [])

    def test_what_was_taken_out_again_is_found_with_the_name_it_had(self) -> None:
        self.write("deploy/a key.pem", f"{KEY}\nMIIB\n")
        self.write("deploy/a key.pem", "It is elsewhere now.\n")
        self.assertEqual(check_secrets.unknown_of_history(self.root), ["deploy/a key.pem: Private Key"])

    def test_so_is_what_a_file_had_that_is_gone_and_is_a_folder_now(self) -> None:
        self.write("deploy", f"{KEY}\n")
        self.git("rm", "--quiet", "deploy")
        self.write("deploy/notes.txt", "+++ b/of/no/file\n")
        self.assertEqual(check_secrets.unknown_of_history(self.root), ["deploy: Private Key"])

    def test_what_is_on_another_branch_is_found_as_well(self) -> None:
        self.git("checkout", "--quiet", "-b", "other")
        self.write("key.pem", KEY)
        self.git("checkout", "--quiet", "-")
        self.assertEqual(check_secrets.unknown_of_history(self.root), ["key.pem: Private Key"])

    def test_a_clone_without_its_history_says_so_and_fails(self) -> None:
        self.write("settings.py", "NAME = 'box office'\n")
        shallow = self.root.parent / "shallow"
        self.git("clone", "--quiet", "--depth", "1", f"file://{self.root}", str(shallow))
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            self.assertEqual(check_secrets.main(history=True, root=shallow), 1)
        self.assertEqual(said.getvalue(), f"{check_secrets.NO_HISTORY}\n")
