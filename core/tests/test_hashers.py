import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from unittest import mock

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import SimpleTestCase

from core.hashers import OwaspArgon2Hasher

from .cast import PATIENCE


class AtOnceTests(SimpleTestCase):
    def test_of_many_passwords_two_are_hashed_at_the_same_time(self):
        under_way, most, two = [], [], threading.Barrier(2, timeout=PATIENCE)

        def hash_slowly(*args: object) -> bool:
            under_way.append(args)
            most.append(len(under_way))
            two.wait()
            under_way.pop()
            return True

        with mock.patch.object(Argon2PasswordHasher, "verify", hash_slowly), ThreadPoolExecutor(8) as threads:
            verify = partial(OwaspArgon2Hasher().verify, "password", "hash")
            asked = [threads.submit(verify) for _ in range(8)]
            self.assertTrue(all(each.result(PATIENCE) for each in asked))
        self.assertEqual(max(most), 2)
