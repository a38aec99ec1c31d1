"""Passwords: how they are hashed and verified, and which hashes may be imported."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import argon2

from signet.domain.passwords.foreign_hashes import FOREIGN_KINDS
from signet.domain.passwords.policy import Form, normalise
from signet.domain.passwords.stored_hashes import (
    BASE64,
    StoredHash,
    UnsupportedHash,
    decode64,
    encode64,
    in_any_order,
)
from signet.errors import InvalidRequest

MAX_SHARES = 2
"""What verifying all spellings of one password may cost (`StoredHash.share`): the two that may be ours always
fit, and all of them where a hash costs half of the most that is let in."""

MAX_ARGON2_MEMORY_KIB = 256 * 2**10
"""libsodium's *moderate* setting; Django's default is 100 MiB. A function that hashes has 1,769 MB."""

MAX_ARGON2_WORK_KIB = 2**20
"""Memory times passes: what is filled in all. 0.85 s on one lane (`foreign_hashes` says where)."""

MAX_ARGON2_PASSES = 16
MAX_ARGON2_LANES = 16
"""Lanes meet four times in each pass, so that many passes over little memory cost far more than the work:
8,192 passes over 128 KiB on 16 lanes, which the other bounds let through, took 20 s."""

SCHEME = re.compile(
    r"^\{(?:bcrypt|blf-crypt|crypt|argon2(?:id|i|d)?|(?:argon2|scrypt)@springsecurity_v5_8|scrypt)\}",
    re.IGNORECASE,
)
"""What LDAP servers and Spring write before a hash. It is dropped: the hash says itself what it is."""

SALT_BYTES = 16
DIGEST_BYTES = 32
VERSION = 19
"""Argon2 1.3, which RFC 9106 describes."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The cost of argon2.

    Attributes:
        memory_kib: Memory in kibibytes, at least 8 a lane.
        passes: How often it is filled.
        lanes: How many threads fill it.
    """

    memory_kib: int
    passes: int
    lanes: int

    def __post_init__(self) -> None:
        """Refuse costs that are impossible or out of bounds.

        The bounds hold for this deployment's own parameters too, so that what it exports it can import.

        Raises:
            ValueError: They are.
        """
        if not 1 <= self.passes <= MAX_ARGON2_PASSES or not 1 <= self.lanes <= MAX_ARGON2_LANES:
            bounds = f"passes are not 1 to {MAX_ARGON2_PASSES} or whose lanes are not 1 to {MAX_ARGON2_LANES}"
            raise UnsupportedHash(f"asks for argon2 whose {bounds}.")
        if not 8 * self.lanes <= self.memory_kib <= MAX_ARGON2_MEMORY_KIB:
            limit = f"{MAX_ARGON2_MEMORY_KIB >> 10} MiB"
            raise UnsupportedHash(
                f"asks for argon2 with less than 8 KiB a lane, or more than {limit}, of memory."
            )
        if self.memory_kib * self.passes > MAX_ARGON2_WORK_KIB:
            limit = f"{MAX_ARGON2_WORK_KIB >> 10} MiB"
            raise UnsupportedHash(
                f"asks for argon2 that fills more than {limit} in all (memory times passes)."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Hash(StoredHash):
    """Argon2 (RFC 9106), ours and others': the PHC form, and Django's.

    Attributes:
        variant: `id`, `i` or `d`.
        version: 19 (1.3), or 16 (1.0), which a string without a version means.
        parameters: The cost.
    """

    FORMS = (
        re.compile(
            r"(?:argon2)?"  # Django's Argon2PasswordHasher
            r"\$argon2(?P<variant>id|i|d)(?:\$v=(?P<version>16|19))?"
            rf"\${in_any_order(m='memory', t='passes', p='lanes')}"
            rf"\$(?P<salt>{BASE64})\$(?P<digest>{BASE64})"
        ),
    )

    variant: str
    version: int
    parameters: Parameters

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        return cls(
            variant=groups["variant"],
            version=int(groups.get("version", "16")),
            parameters=Parameters(int(groups["memory"]), int(groups["passes"]), int(groups["lanes"])),
            salt=decode64(groups["salt"]),
            digest=decode64(groups["digest"]),
        )

    def _check_cost(self) -> None:
        """The parameters have checked themselves."""

    @property
    def share(self) -> float:
        """Filling memory is the time."""
        return self.parameters.memory_kib * self.parameters.passes / MAX_ARGON2_WORK_KIB

    def matches(self, password: bytes) -> bool:
        """Whether the hash was made of this password. The comparison takes constant time."""
        try:
            return argon2.PasswordHasher().verify(str(self), password)
        except argon2.exceptions.VerifyMismatchError:
            return False

    def __str__(self) -> str:
        cost = self.parameters
        costs = f"m={cost.memory_kib},t={cost.passes},p={cost.lanes}"
        return f"$argon2{self.variant}$v={self.version}${costs}${encode64(self.salt)}${encode64(self.digest)}"


class PasswordHasher:
    """Makes and verifies password hashes. Threads may share one: it never changes.

    Args:
        parameters: Today's cost.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._argon2id = argon2.PasswordHasher(
            time_cost=parameters.passes,
            memory_cost=parameters.memory_kib,
            parallelism=parameters.lanes,
            hash_len=DIGEST_BYTES,
            salt_len=SALT_BYTES,
        )
        # A digest that no password is known for costs as much to verify as any, and nothing to make.
        salt, digest = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(DIGEST_BYTES)
        self._decoy = str(
            Argon2Hash(variant="id", version=VERSION, parameters=parameters, salt=salt, digest=digest)
        )

    def hash(self, password: str) -> str:
        """The argon2id hash of the password's NFKC form, as a PHC string with a fresh salt."""
        return self._argon2id.hash(normalise(password))

    def verify(self, password_hash: str, password: str) -> bool:
        """Whether the hash was made of this password, in any of its spellings.

        Imported hashes were made of what a keyboard sent, byte for byte, and keyboards differ in how they
        compose a character. So what was typed is tried, then its other normal forms, as long as all that
        costs no more than `MAX_SHARES`. Plain ASCII has one spelling.

        Args:
            password_hash: A stored hash, of any kind that can be imported.
            password: A text without lone surrogates. The policy does not bind it.

        Raises:
            ValueError: The hash is damaged or of no supported kind: a fault, which must not pass for a
                wrong password. The message does not hold the hash.
        """
        stored = _read(password_hash)
        tries = int(MAX_SHARES / stored.share)
        return any(stored.matches(spelling) for spelling in _spellings(password)[:tries])

    def verify_decoy(self, password: str) -> None:
        """Do for an e-mail address that nobody has what `verify` does for a wrong password.

        It costs what a hash with today's parameters costs. One that was imported or is older costs what
        it costs, until its user's next login: until then, the time tells that the address is known.
        """
        self.verify(self._decoy, password)

    def needs_rehash(self, password_hash: str, password: str | None = None) -> bool:
        """Whether the hash is not what `hash` would make today: foreign, or with other parameters.

        A stronger one is replaced too: the time of a login must not depend on the user (`verify_decoy`).

        Args:
            password_hash: A stored hash.
            password: What it has just been verified with. A hash that does not tell it from all others stays
                as it is: else who logs in first with a password that differs behind bcrypt's 72 bytes would
                lock out whoever set it. Nothing in an imported argon2id hash shows that it was made of
                another spelling; with the password that is found out, at the cost of one more hash where it
                has several.

        Raises:
            ValueError: As `verify`.
        """
        stored = _read(password_hash)
        spellings = [] if password is None else _spellings(password)
        if not isinstance(stored, Argon2Hash):
            return all(map(stored.tells_apart, spellings))
        if self._argon2id.check_needs_rehash(str(stored)):
            return True
        return len(spellings) > 1 and not stored.matches(normalise(password or "").encode())


def check_importable(password_hash: str) -> str:
    """Check a hash that somebody wants to import, and bring it into the form that is stored.

    Raises:
        InvalidRequest: It is of no supported kind, damaged or out of bounds. The message says which, and
            never quotes the hash.
    """
    try:
        return str(_read(password_hash))
    except UnsupportedHash as refusal:
        raise InvalidRequest.of("passwordHash", str(refusal)) from refusal


def _read(password_hash: str) -> StoredHash:
    """Take a hash apart.

    Raises:
        UnsupportedHash: It is of no supported kind, damaged or out of bounds.
    """
    bare = SCHEME.sub("", password_hash, count=1)
    if ours := Argon2Hash.read(bare):
        return ours
    for kind in FOREIGN_KINDS:
        if foreign := kind.read(bare):
            return foreign
    message = (
        "is in no supported form: argon2, bcrypt, pbkdf2-sha256, pbkdf2-sha512 and scrypt as PHC strings,"
        " $2a$, $2b$, $2y$, the forms of these in Django, passlib, Werkzeug, Spring, LDAP and ASP.NET"
        " Identity v3, WordPress's $wp$2y$ and $P$, $firebase-scrypt$ and $fbscrypt$."
    )
    raise UnsupportedHash(message)


def _spellings(password: str) -> list[bytes]:
    """The distinct ones of a password: as it was given, in the form of our own hashes, in the others."""
    forms: tuple[Form, ...] = ("NFKC", "NFC", "NFD")
    texts = [password] if password.isascii() else [password, *(normalise(password, form) for form in forms)]
    return [text.encode() for text in dict.fromkeys(texts)]
