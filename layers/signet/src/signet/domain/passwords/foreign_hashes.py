"""Password hashes that other systems made: their forms, their bounds, and how each is verified.

A hash is read into a `StoredHash`, whose `str` is the canonical form that is stored. bcrypt (1 ms to
import, 0.7 MB) and cryptography (15 ms) are imported by the kind of hash that needs them.

The bounds hold where a hash is imported and where it is verified: an imported hash decides how much
work each attempt to log in costs, before anybody has proved anything. They let through the strongest
settings that OWASP's Password Storage Cheat Sheet and the usual frameworks give, and keep a
verification within about a second: on one core of the x86-64 machine that this was written on, the worst
ones took 0.95 s (bcrypt), 0.5 s (PBKDF2-SHA256), 1.1 s (PBKDF2-SHA512), 0.7 s (scrypt) and 0.85 s
(argon2); a wrong password that NFKC changes is verified twice. Raising a bound is safe, lowering one locks
out whoever has such a hash. There is no lower bound on cost: a weak hash is no weaker here than where it
comes from, and the first login replaces it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from signet.domain.passwords.stored_hashes import (
    BASE64,
    STANDARD,
    StoredHash,
    UnsupportedHash,
    decode64,
    encode64,
)

MAX_BCRYPT_COST = 14
"""The frameworks use 10 to 12; each step doubles the time."""

MAX_PBKDF2_ITERATIONS = 2_000_000
"""OWASP asks for 600,000 with SHA-256; Django and Werkzeug use 1,000,000 and more. Counted for each block
of the digest (32 bytes with SHA-256, 64 with SHA-512), since each block costs all the iterations."""

MAX_SCRYPT_MEMORY = 128 * 2**20
"""Bytes, 128·N·r: OWASP's strongest setting (N=2^17, r=8). A function that hashes has 1,769 MB."""

MAX_SCRYPT_WORK = 256 * 2**20
"""Bytes that are filled in all, 128·N·r·p: the memory is filled once for each p."""

MAX_SCRYPT_BLOCK_SIZE = 32
MAX_SCRYPT_PARALLELISM = 16
"""OWASP's largest is 10. With more, a small N would still cost much outside the main loop."""

MAX_SALT_SEPARATOR_BYTES = 16

TEXT_SALT = r"[!-#%-~]+"


@dataclass(frozen=True, slots=True, kw_only=True)
class BcryptHash(StoredHash):
    """bcrypt: `$2a$`, `$2b$` or `$2y$`, all three computed without the faults that had them renamed.

    bcrypt reads 72 bytes at most, and every implementation that made hashes of longer passwords cut
    them there, so that is done here too: until the first login, which replaces the hash, such a
    password is worth its first 72 bytes. A NUL is a byte like any other; a hash by an implementation that
    stopped at it does not match. `$2x$`, PHP's mark for hashes with the sign extension fault, is refused.
    """

    FORMS = (
        re.compile(
            r"(?:bcrypt\$)?"  # Django's BCryptPasswordHasher
            r"\$(?P<variant>2[aby])\$(?P<cost>[0-9]{2})\$(?P<salt_b>[./A-Za-z0-9]{22})(?P<digest_b>[./A-Za-z0-9]{31})"
        ),
    )

    variant: str
    cost: int

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        return cls(
            variant=groups["variant"],
            cost=int(groups["cost"]),
            salt=_from_bcrypt64(groups["salt_b"]),
            digest=_from_bcrypt64(groups["digest_b"]),
        )

    def _check_cost(self) -> None:
        if not 4 <= self.cost <= MAX_BCRYPT_COST:
            raise UnsupportedHash(f"has a bcrypt cost that is not 4 to {MAX_BCRYPT_COST}.")

    @property
    def _setting(self) -> str:
        return f"${self.variant}${self.cost:02}${_to_bcrypt64(self.salt)}"

    def _derive(self, password: bytes) -> bytes:
        import bcrypt

        made = bcrypt.hashpw(password[:72], self._setting.encode()).decode()
        return _from_bcrypt64(made.removeprefix(self._setting))

    def __str__(self) -> str:
        return self._setting + _to_bcrypt64(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pbkdf2Hash(StoredHash):
    """PBKDF2 with HMAC-SHA256 or HMAC-SHA512: the PHC form, passlib's, Django's and Werkzeug's."""

    FORMS = (
        re.compile(
            r"\$pbkdf2-(?P<function>sha256|sha512)\$(?:i=)?(?P<iterations>[0-9]{1,10})(?:,l=(?P<size>[0-9]{1,3}))?"
            r"\$(?P<salt_64>[A-Za-z0-9+./]+={0,2})\$(?P<digest_64>[A-Za-z0-9+./]+={0,2})"
        ),
        re.compile(
            r"pbkdf2_(?P<function>sha256|sha512)\$(?P<iterations>[0-9]{1,10})"
            rf"\$(?P<salt_text>{TEXT_SALT})\$(?P<digest_64>{BASE64})"
        ),
        re.compile(
            r"pbkdf2:(?P<function>sha256|sha512):(?P<iterations>[0-9]{1,10})"
            rf"\$(?P<salt_text>{TEXT_SALT})\$(?P<digest_hex>[0-9a-f]+)"
        ),
    )

    function: str
    iterations: int

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        digest = _bytes(groups, "digest")
        if int(groups.get("size", len(digest))) != len(digest):
            raise UnsupportedHash("has a digest of another length than its parameter l says.")
        iterations = int(groups["iterations"])
        return cls(
            function=groups["function"], iterations=iterations, salt=_bytes(groups, "salt"), digest=digest
        )

    def _check_cost(self) -> None:
        blocks = -(-len(self.digest) // hashlib.new(self.function).digest_size)
        if not 1 <= self.iterations * blocks <= MAX_PBKDF2_ITERATIONS:
            message = (
                f"has a PBKDF2 iteration count that is not 1 to {MAX_PBKDF2_ITERATIONS:,}, counted for each"
                " block of its digest."
            )
            raise UnsupportedHash(message)

    def _derive(self, password: bytes) -> bytes:
        return hashlib.pbkdf2_hmac(self.function, password, self.salt, self.iterations, len(self.digest))

    def __str__(self) -> str:
        costs = f"i={self.iterations}"
        return f"$pbkdf2-{self.function}${costs}${encode64(self.salt)}${encode64(self.digest)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptHash(StoredHash):
    """Scrypt (RFC 7914): the PHC form (which is passlib's too), Django's and Werkzeug's.

    Attributes:
        log_n: The binary logarithm of N.
        block_size: r.
        parallelism: p.
    """

    FORMS = (
        re.compile(
            r"\$scrypt\$ln=(?P<log_n>[0-9]{1,2}),r=(?P<r>[0-9]{1,3}),p=(?P<p>[0-9]{1,3})"
            rf"\$(?P<salt_64>{BASE64})\$(?P<digest_64>{BASE64})"
        ),
        re.compile(
            rf"scrypt\$(?P<n>[0-9]{{1,10}})\$(?P<salt_text>{TEXT_SALT})"
            rf"\$(?P<r>[0-9]{{1,3}})\$(?P<p>[0-9]{{1,3}})\$(?P<digest_64>{BASE64})"
        ),
        re.compile(
            r"scrypt:(?P<n>[0-9]{1,10}):(?P<r>[0-9]{1,3}):(?P<p>[0-9]{1,3})"
            rf"\$(?P<salt_text>{TEXT_SALT})\$(?P<digest_hex>[0-9a-f]+)"
        ),
    )

    log_n: int
    block_size: int
    parallelism: int

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        n = 1 << int(groups["log_n"]) if "log_n" in groups else int(groups["n"])
        if n.bit_count() != 1:
            raise UnsupportedHash("has a scrypt N that is not a power of two.")
        return cls(
            log_n=n.bit_length() - 1,
            block_size=int(groups["r"]),
            parallelism=int(groups["p"]),
            salt=_bytes(groups, "salt"),
            digest=_bytes(groups, "digest"),
        )

    def _check_cost(self) -> None:
        _check_scrypt(self.log_n, self.block_size, self.parallelism)

    def _derive(self, password: bytes) -> bytes:
        return _scrypt(password, self.salt, self.log_n, self.block_size, self.parallelism, len(self.digest))

    def __str__(self) -> str:
        costs = f"ln={self.log_n},r={self.block_size},p={self.parallelism}"
        return f"$scrypt${costs}${encode64(self.salt)}${encode64(self.digest)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirebaseScryptHash(StoredHash):
    """Firebase Authentication's variant of scrypt (github.com/firebase/scrypt).

    scrypt with the user's salt and the project's salt separator gives an AES-256 key; the digest is the
    project's signer key, encrypted with it in counter mode from zero. No standard form carries all of
    that, so this one is ours, in the manner of PHC, with base64 as `firebase auth:export` gives it:
    `$firebase-scrypt$ln=<mem_cost>,r=<rounds>,ss=<salt_separator>,sk=<signer_key>$<salt>$<passwordHash>`.

    Attributes:
        log_n: The project's `mem_cost`.
        block_size: The project's `rounds`.
        separator: The project's `base64_salt_separator`, decoded.
        signer_key: The project's `base64_signer_key`, decoded.
    """

    FORMS = (
        re.compile(
            r"\$firebase-scrypt\$ln=(?P<log_n>[0-9]{1,2}),r=(?P<r>[0-9]{1,3})"
            r",ss=(?P<separator_64>[A-Za-z0-9+/_-]*={0,2}),sk=(?P<signer_key_64>[A-Za-z0-9+/_-]+={0,2})"
            r"\$(?P<salt_64>[A-Za-z0-9+/_-]+={0,2})\$(?P<digest_64>[A-Za-z0-9+/_-]+={0,2})"
        ),
    )

    log_n: int
    block_size: int
    separator: bytes
    signer_key: bytes = field(repr=False)

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        return cls(
            log_n=int(groups["log_n"]),
            block_size=int(groups["r"]),
            separator=_bytes(groups, "separator") if "separator_64" in groups else b"",
            signer_key=_bytes(groups, "signer_key"),
            salt=_bytes(groups, "salt"),
            digest=_bytes(groups, "digest"),
        )

    def _check_cost(self) -> None:
        if len(self.signer_key) != len(self.digest):
            raise UnsupportedHash("has a Firebase signer key and a digest of different lengths.")
        if len(self.separator) > MAX_SALT_SEPARATOR_BYTES:
            limit = f"{MAX_SALT_SEPARATOR_BYTES} bytes"
            raise UnsupportedHash(f"has a Firebase salt separator that is longer than {limit}.")
        _check_scrypt(self.log_n, self.block_size, 1)

    def _derive(self, password: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CTR

        key = _scrypt(password, self.salt + self.separator, self.log_n, self.block_size, 1, 32)
        encryptor = Cipher(AES(key), CTR(bytes(16))).encryptor()
        return encryptor.update(self.signer_key) + encryptor.finalize()

    def __str__(self) -> str:
        project = f"ss={encode64(self.separator)},sk={encode64(self.signer_key)}"
        costs = f"ln={self.log_n},r={self.block_size},{project}"
        return f"$firebase-scrypt${costs}${encode64(self.salt)}${encode64(self.digest)}"


FOREIGN_KINDS: tuple[type[StoredHash], ...] = (BcryptHash, Pbkdf2Hash, ScryptHash, FirebaseScryptHash)


_BCRYPT = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _from_bcrypt64(text: str) -> bytes:
    return decode64(text.translate(str.maketrans(_BCRYPT, STANDARD)))


def _to_bcrypt64(data: bytes) -> str:
    return encode64(data).translate(str.maketrans(STANDARD, _BCRYPT))


def _bytes(groups: Mapping[str, str], name: str) -> bytes:
    """The bytes of a group, whose name ends in how they are written: base64, hexadecimal or as text."""
    if text := groups.get(f"{name}_64"):
        return decode64(text)
    if text := groups.get(f"{name}_hex"):
        if len(text) % 2:
            raise UnsupportedHash("is damaged: a part of it is not hexadecimal.")
        return bytes.fromhex(text)
    return groups[f"{name}_text"].encode()


def _check_scrypt(log_n: int, block_size: int, parallelism: int) -> None:
    """Refuse costs of scrypt that are impossible or out of bounds.

    Raises:
        UnsupportedHash: They are.
    """
    if not 1 <= block_size <= MAX_SCRYPT_BLOCK_SIZE or not 1 <= parallelism <= MAX_SCRYPT_PARALLELISM:
        bounds = f"r is not 1 to {MAX_SCRYPT_BLOCK_SIZE} or whose p is not 1 to {MAX_SCRYPT_PARALLELISM}"
        raise UnsupportedHash(f"asks for scrypt whose {bounds}.")
    if not 1 <= log_n < 16 * block_size:
        raise UnsupportedHash("has a scrypt N that is not more than 1 and less than 2^(16·r).")
    memory = 128 * block_size << log_n
    if memory > MAX_SCRYPT_MEMORY:
        limit = f"{MAX_SCRYPT_MEMORY >> 20} MiB"
        raise UnsupportedHash(f"asks for scrypt with more than {limit} of memory (128·N·r).")
    if memory * parallelism > MAX_SCRYPT_WORK:
        limit = f"{MAX_SCRYPT_WORK >> 20} MiB"
        raise UnsupportedHash(f"asks for scrypt that fills more than {limit} in all (128·N·r·p).")


def _scrypt(password: bytes, salt: bytes, log_n: int, block_size: int, parallelism: int, size: int) -> bytes:
    # OpenSSL refuses more than maxmem, and what it counts is 128·r·(N + p + 2) and a little.
    limit = 128 * block_size * ((1 << log_n) + parallelism + 2) + 1024
    return hashlib.scrypt(
        password, salt=salt, n=1 << log_n, r=block_size, p=parallelism, maxmem=limit, dklen=size
    )
