"""The signed code of a ticket (rule 23)."""

import base64
from collections import Counter

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase, override_settings

from core import ticket_code

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
OLD, NEW = f"1:{'o' * 32}", f"2:{'n' * 32}"


class CodeTests(SimpleTestCase):
    def test_it_names_the_event_it_was_made_for(self):
        ids = [1, 77, 2**32 - 1]
        self.assertEqual([ticket_code.event_of(ticket_code.make(n)) for n in ids], ids)

    def test_it_is_as_long_as_it_says_and_made_of_what_a_qr_packs_well(self):
        code = ticket_code.make(5)
        self.assertEqual((len(code), set(code) - set(ALPHABET)), (ticket_code.LENGTH, set()))

    def test_no_two_are_alike(self):
        self.assertEqual(Counter(Counter(ticket_code.make(5) for _ in range(1000)).values()), {1: 1000})

    def test_a_change_of_any_character_makes_it_worthless(self):
        code = ticket_code.make(5)
        forged = [
            code[:at] + other + code[at + 1 :] for at in range(len(code)) for other in ALPHABET if other != code[at]
        ]
        self.assertEqual({ticket_code.event_of(text) for text in forged}, {None})

    def test_the_code_of_one_event_cannot_be_made_into_that_of_another(self):
        raw = bytearray(base64.b32decode(ticket_code.make(5) + "======"))
        raw[5] = 6
        self.assertEqual(ticket_code.event_of(base64.b32encode(raw).decode().rstrip("=")), None)

    def test_whatever_else_is_typed_is_no_code(self):
        code = ticket_code.make(5)
        texts = [
            "",
            "A",
            "A" * 74,
            "A" * 10_000,
            code[:-1],
            code + "A",
            code + "=",
            "=" + code[1:],
            code.lower(),
            "Ticket:1:Event:x",
            f"https://tickets.example/ticket/{code}/",
            "\x00" * 74,
            "é" * 74,
            "٣" * 74,
            "\ud800" * 74,
            "=" * 74,
        ]
        self.assertEqual({text: ticket_code.event_of(text) for text in texts}, dict.fromkeys(texts))

    def test_a_typed_one_is_tidied(self):
        code = ticket_code.make(5)
        groups = "-".join(code[at : at + 6] for at in range(0, len(code), 6))
        typed = [code, code.lower(), f"  {code}\r\n", groups, groups.replace("-", " ").lower(), f"{code}\u00a0"]
        self.assertEqual({ticket_code.tidy(text) for text in typed}, {code})


class KeyTests(SimpleTestCase):
    def test_a_code_of_an_older_key_stays_genuine_while_that_key_is_kept(self):
        with override_settings(TICKET_SIGNING_KEYS=[OLD]):
            code = ticket_code.make(5)
        with override_settings(TICKET_SIGNING_KEYS=[NEW, OLD]):
            self.assertEqual(ticket_code.event_of(code), 5)
            new = ticket_code.make(6)
        with override_settings(TICKET_SIGNING_KEYS=[NEW]):
            self.assertEqual((ticket_code.event_of(code), ticket_code.event_of(new)), (None, 6))

    def test_a_code_signed_by_the_same_id_with_another_secret_is_refused(self):
        with override_settings(TICKET_SIGNING_KEYS=[OLD]):
            code = ticket_code.make(5)
        with override_settings(TICKET_SIGNING_KEYS=[f"1:{'x' * 32}"]):
            self.assertEqual(ticket_code.event_of(code), None)

    def test_without_keys_the_secret_key_signs(self):
        with override_settings(TICKET_SIGNING_KEYS=[], SECRET_KEY="one"):
            code = ticket_code.make(5)
            self.assertEqual(ticket_code.event_of(code), 5)
        with override_settings(TICKET_SIGNING_KEYS=[], SECRET_KEY="two"):
            self.assertEqual(ticket_code.event_of(code), None)

    def test_nonsense_in_the_settings_is_refused_with_a_sentence(self):
        for pair in ("no separator", "0:" + "x" * 32, "256:" + "x" * 32, "a:" + "x" * 32, "1:" + "x" * 31, ":"):
            refused = self.assertRaisesMessage(ImproperlyConfigured, "TICKET_SIGNING_KEYS must be")
            with self.subTest(pair), override_settings(TICKET_SIGNING_KEYS=[pair]), refused:
                ticket_code.make(1)
