"""What browsers say of security keys and passkeys, here without one: taken as it is, and no nonsense in its place."""

import json
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client, TestCase, override_settings
from fido2.cose import ES256, CoseKey
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from core.models import User

from .cast import Cast
from .test_bad_logins import PASSWORD
from .visits import BROWSER, target_of, visit

ADD, LOGIN = "/accounts/2fa/webauthn/add/", "/accounts/2fa/webauthn/login/"
PROMPT, AGAIN = "/accounts/2fa/authenticate/", "/accounts/2fa/webauthn/reauthenticate/"
FLAG = AuthenticatorData.FLAG
THERE, KNOWN = FLAG.UP | FLAG.UV, FLAG.AT
HUGE = 2**62  # bytes that no machine has
LONG = "9" * 5000  # digits, more than Python reads


class SoftKey:
    """A key without a device, and what a browser says of it."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = b"the key of alice"

    def made(self, challenge: str, public: CoseKey | None = None) -> dict[str, Any]:
        """Return what is said when it is made."""
        public = public or ES256.from_cryptography_key(self.private.public_key())  # type: ignore[no-untyped-call]  # -- fido2's
        data = self.data(THERE | KNOWN, AttestedCredentialData.create(Aaguid.NONE, self.id, public))
        said = {"attestationObject": websafe_encode(AttestationObject.create("none", data, {}))}
        extensions = {"credProps": {"rk": True}}
        return self.said("create", challenge, extensions, **said, transports=["internal", "hybrid"])

    def shown(self, challenge: str, user: User) -> dict[str, Any]:
        """Return what is said when it shows who somebody is."""
        data, asked = self.data(THERE), self.asked("get", challenge)
        signature = self.private.sign(data + sha256(asked), ec.ECDSA(SHA256()))
        whose = websafe_encode(user_pk_to_url_str(user).encode())
        said = {"authenticatorData": websafe_encode(data), "signature": websafe_encode(signature), "userHandle": whose}
        return self.said("get", challenge, {}, **said)

    def data(self, flags: AuthenticatorData.FLAG, known: bytes = b"") -> AuthenticatorData:
        made: AuthenticatorData = AuthenticatorData.create(sha256(b"testserver"), flags, 0, known)
        return made

    def asked(self, what: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(f"webauthn.{what}", challenge, "https://testserver")

    def said(self, what: str, challenge: str, extensions: dict[str, Any], **response: Any) -> dict[str, Any]:
        return {
            "type": "public-key", "id": websafe_encode(self.id), "rawId": websafe_encode(self.id),
            "authenticatorAttachment": "platform", "clientExtensionResults": extensions,
            "response": {"clientDataJSON": self.asked(what, challenge).b64, **response},
        }  # fmt: skip


def nonsense(good: dict[str, Any]) -> list[str]:
    """Return what no browser says in place of what one has said."""
    response, size = good["response"], json.dumps({"type": "webauthn.get", "challenge": HUGE}).encode()
    no_text: list[Any] = [HUGE, -1, None, [], {}, "", "é", "\0", "AA\0"]
    no_question = [b"[" * 2000, LONG.encode(), b"5", b"[]", b"{}", b"\xff", size]
    told = [
        *({name: other} for name in response if name not in {"transports", "userHandle"} for other in (*no_text, "AA")),
        *({"clientDataJSON": websafe_encode(other)} for other in no_question),
    ]
    wrong: list[Any] = [
        [], 5, "x", {"id": "x"}, {"id": "a", "rawId": "b"}, {"id": HUGE, "rawId": HUGE}, {"response": response},
        *(good | {name: other} for name in ("rawId", "response") for other in no_text),
        *(good | {"response": response | other} for other in told),
        good | {"clientExtensionResults": [5]}, good | {"clientExtensionResults": {"credProps": "x"}},
        good | {"more": "x" * 16_384},
    ]  # fmt: skip
    return ["[" * 2000, LONG, f"[{LONG}]", "no json", *map(json.dumps, wrong)]


@override_settings(ACCOUNT_RATE_LIMITS=False, MFA_RATE_LIMITS=False)
class KeyTests(Cast, TestCase):
    def setUp(self) -> None:
        self.key = SoftKey()
        self.client = visit(self.alice, headers=BROWSER)

    def challenge_of_new(self) -> str:
        asked: str = self.client.get(ADD).context["js_data"]["creation_options"]["publicKey"]["challenge"]
        return asked

    def add(self, **made: Any) -> Any:
        return self.client.post(ADD, {"name": "Phone", "credential": json.dumps(self.key.made(**made))})

    def log_in(self, client: Client) -> Any:
        asked = client.get(LOGIN, headers={"Accept": "application/json"}).json()["request_options"]["publicKey"]
        return client.post(LOGIN, {"credential": json.dumps(self.key.shown(asked["challenge"], self.alice))})

    def is_in(self, client: Client) -> bool:
        return "_auth_user_id" in client.session

    def test_one_that_is_added_logs_in_alone_and_after_the_password(self) -> None:
        self.assertEqual(self.add(challenge=self.challenge_of_new()).status_code, 302)
        stranger = visit(headers=BROWSER)
        self.assertEqual((target_of(self.log_in(stranger)), self.is_in(stranger)), ("/dashboard/", True))

    def test_whether_it_needs_no_password_is_kept_as_the_browser_said_it(self) -> None:
        self.add(challenge=self.challenge_of_new())
        self.assertIs(Authenticator.objects.get(type="webauthn").wrap().is_passwordless, True)

    def test_what_no_browser_says_adds_none_and_is_no_fault(self) -> None:
        good = self.key.made(self.challenge_of_new())
        without = websafe_encode(AttestationObject.create("none", self.key.data(THERE), {}))
        wrong = good | {"response": good["response"] | {"attestationObject": without}}
        deep = good | {"response": good["response"] | {"attestationObject": websafe_encode(b"\x81" * 9000)}}
        for text in (*nonsense(good), json.dumps(wrong), json.dumps(deep)):
            with self.subTest(text=text[:60], length=len(text)):
                self.assertEqual(self.client.post(ADD, {"credential": text}).status_code, 200)
        self.assertEqual(Authenticator.objects.filter(type="webauthn").count(), 0)

    def test_what_no_browser_says_lets_nobody_in_and_is_no_fault(self) -> None:
        self.add(challenge=self.challenge_of_new())
        self.alice.set_password(PASSWORD)
        self.alice.save()
        self.client = visit(self.alice, headers=BROWSER)
        stranger, halfway = visit(headers=BROWSER), visit(headers=BROWSER)
        halfway.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        for path, client, status in ((LOGIN, stranger, 302), (PROMPT, halfway, 200), (AGAIN, self.client, 302)):
            for text in nonsense(self.key.shown("AAAA", self.alice)):
                with self.subTest(path=path, text=text[:60], length=len(text)):
                    self.assertEqual(client.post(path, {"credential": text}).status_code, status)
        self.assertEqual([self.is_in(client) for client in (stranger, halfway)], [False, False])
        for path, client in ((PROMPT, halfway), (AGAIN, self.client)):  # which take what one does say
            asked = client.get(path).context["js_data"]["request_options"]["publicKey"]
            shown = json.dumps(self.key.shown(asked["challenge"], self.alice))
            self.assertEqual(target_of(client.post(path, {"credential": shown})), "/dashboard/")

    def test_one_that_can_show_nothing_lets_nobody_in(self) -> None:
        self.add(challenge=self.challenge_of_new(), public=CoseKey({1: 2, 3: -7}))  # of no curve
        stranger = visit(headers=BROWSER)
        self.assertEqual((target_of(self.log_in(stranger)), self.is_in(stranger)), ("/accounts/login/", False))
