"""Password hashes that other systems made: their forms, their bounds, and how each is verified.

A hash is read into a `StoredHash`, whose `str` is the canonical form that is stored. cryptography's
ciphers (15 ms to import) are imported by the one kind of hash that needs them.

The bounds hold where a hash is imported and where it is verified: an imported hash decides how much
work each attempt to log in costs, before anybody has proved anything. They let through the strongest
settings that OWASP's Password Storage Cheat Sheet and the usual frameworks give, and keep a
verification within about a second: on one core of the x86-64 machine that this was written on, the worst
ones took 0.95 s (bcrypt), 0.5 s (PBKDF2-SHA256), 1.1 s (PBKDF2-SHA512), 0.7 s (scrypt) and 0.85 s
(argon2). A wrong password that has several spellings is verified several times, within twice that. Raising
a bound is safe, lowering one locks out whoever has such a hash. There is no lower bound on cost: a weak hash
is no weaker here than where it comes from, and the first login replaces it.
"""

import hashlib
import hmac
import re
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

import bcrypt

from signet.domain.passwords.stored_hashes import (
    BASE64,
    STANDARD,
    StoredHash,
    UnsupportedHash,
    decode64,
    encode64,
    in_any_order,
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

MAX_PHPASS_LOG = 17
"""Binary logarithm of how often MD5 is computed: WordPress has it at 13. 0.1 s for a short password, 0.7 s
for the longest one."""

MAX_PHPASS_BYTES = 4096
"""WordPress takes no longer password either; each round reads all of it."""

BCRYPT_BYTES = 72
"""What bcrypt reads of a password."""

TEXT_SALT = r"[!-#%-~]+"

PHP_BLANKS = b" \t\n\r\0\x0b"
"""What PHP's `trim` takes off. WordPress does it to every password, where it is set and where it is given."""


def _wordpress_prehash(password: bytes) -> bytes:
    return b64encode(hmac.digest(b"wp-sha384", password.strip(PHP_BLANKS), "sha384"))


PREHASHES: dict[str, Callable[[bytes], bytes]] = {
    "bcrypt_sha256$": lambda password: hashlib.sha256(password).hexdigest().encode(),
    "$wp": _wordpress_prehash,
}
"""What a bcrypt hash was made of in place of the password, by what stands before it: Django's
BCryptSHA256PasswordHasher, and WordPress since 6.8."""


class ForeignHash(StoredHash):
    """A hash of which the digest is computed, and compared, here."""

    __slots__ = ()

    def matches(self, password: bytes) -> bool:
        """Whether the hash was made of this password. The comparison takes constant time."""
        return hmac.compare_digest(self._derive(password), self.digest)

    @abstractmethod
    def _derive(self, password: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BcryptHash(ForeignHash):
    """bcrypt: `$2a$`, `$2b$` or `$2y$`, all three computed without the faults that had them renamed.

    bcrypt reads 72 bytes at most, and every implementation that made hashes of longer passwords cut
    them there, so that is done here too: such a password is worth its first 72 bytes until it is changed. A
    NUL is a byte like any other; a hash by an implementation that stopped at it does not match. `$2x$`, PHP's
    mark for hashes with the sign extension fault, is refused.

    Attributes:
        variant: `2a`, `2b` or `2y`.
        cost: The binary logarithm of the rounds.
        prehash: What stands before the hash, and says what it was made of (`PREHASHES`); "" for the password.
    """

    FORMS = (
        re.compile(
            r"(?:bcrypt\$|(?P<prehash>bcrypt_sha256\$|\$wp))?"  # the first is Django's BCryptPasswordHasher
            r"\$(?P<variant>2[aby])\$(?P<cost>[0-9]{2})\$(?P<salt_b>[./A-Za-z0-9]{22})(?P<digest_b>[./A-Za-z0-9]{31})"
        ),
        re.compile(  # @phc/bcrypt and AdonisJS; the version is the letter's code
            r"\$bcrypt(?:\$v=(?P<letter>9[78]))?\$r=(?P<cost>[0-9]{1,2})"
            rf"\$(?P<salt_64>{BASE64})\$(?P<digest_64>{BASE64})"
        ),
    )

    variant: str
    cost: int
    prehash: str = ""

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        is_phc = "salt_64" in groups
        return cls(
            variant="2" + chr(int(groups.get("letter", "97"))) if is_phc else groups["variant"],
            cost=int(groups["cost"]),
            prehash=groups.get("prehash", ""),
            salt=_bytes(groups, "salt") if is_phc else _from_bcrypt64(groups["salt_b"]),
            digest=_bytes(groups, "digest") if is_phc else _from_bcrypt64(groups["digest_b"]),
        )

    def tells_apart(self, password: bytes) -> bool:
        """False where the hash stands for every password that begins with these 72 bytes, or for a blank."""
        if self.prehash == "$wp":
            return password == password.strip(PHP_BLANKS)
        return self.prehash != "" or len(password) < BCRYPT_BYTES

    def _check_cost(self) -> None:
        if (len(self.salt), len(self.digest)) != (16, 23):
            raise UnsupportedHash("has a salt that is not 16, or a digest that is not 23 bytes long.")
        if not 4 <= self.cost <= MAX_BCRYPT_COST:
            raise UnsupportedHash(f"has a bcrypt cost that is not 4 to {MAX_BCRYPT_COST}.")

    @property
    def share(self) -> float:
        """Each step doubles the time."""
        return 2.0 ** (self.cost - MAX_BCRYPT_COST)

    @property
    def _setting(self) -> str:
        return f"${self.variant}${self.cost:02}${_to_bcrypt64(self.salt)}"

    def _derive(self, password: bytes) -> bytes:
        text = PREHASHES[self.prehash](password) if self.prehash else password[:BCRYPT_BYTES]
        made = bcrypt.hashpw(text, self._setting.encode()).decode()
        return _from_bcrypt64(made.removeprefix(self._setting))

    def __str__(self) -> str:
        return self.prehash + self._setting + _to_bcrypt64(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhpassHash(ForeignHash):
    """phpass's portable hashes: WordPress before 6.8 (`$P$`), phpBB (`$H$`).

    Attributes:
        log_rounds: The binary logarithm of how often MD5 is computed.
    """

    FORMS = (
        re.compile(
            r"\$[PH]\$(?P<log_rounds>[./A-Za-z0-9])(?P<salt_text>[./A-Za-z0-9]{8})(?P<digest>[./A-Za-z0-9]{22})"
        ),
    )

    log_rounds: int

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        number = sum(_PHPASS.index(letter) << 6 * place for place, letter in enumerate(groups["digest"]))
        if number >= 1 << 128:
            raise UnsupportedHash("is damaged: its digest is not one of MD5.")
        return cls(
            log_rounds=_PHPASS.index(groups["log_rounds"]),
            salt=_bytes(groups, "salt"),
            digest=number.to_bytes(16, "little"),
        )

    def tells_apart(self, password: bytes) -> bool:
        """False where WordPress takes blanks off."""
        return password == password.strip(PHP_BLANKS)

    def _check_cost(self) -> None:
        if not 7 <= self.log_rounds <= MAX_PHPASS_LOG:
            raise UnsupportedHash(f"asks for phpass with other than 2^7 to 2^{MAX_PHPASS_LOG} rounds.")

    @property
    def share(self) -> float:
        """Each step doubles the rounds."""
        return 2.0 ** (self.log_rounds - MAX_PHPASS_LOG)

    def _derive(self, password: bytes) -> bytes:
        password = password.strip(PHP_BLANKS)
        if len(password) > MAX_PHPASS_BYTES:
            return b""  # No hash was made of it.
        digest = hashlib.md5(self.salt + password, usedforsecurity=False).digest()
        for _ in range(1 << self.log_rounds):
            digest = hashlib.md5(digest + password, usedforsecurity=False).digest()
        return digest

    def __str__(self) -> str:
        number = int.from_bytes(self.digest, "little")
        digest = "".join(_PHPASS[number >> 6 * place & 63] for place in range(22))
        return f"$P${_PHPASS[self.log_rounds]}{self.salt.decode()}{digest}"


ASPNET_FUNCTIONS = {1: "sha256", 2: "sha512"}
"""By the number that `KeyDerivationPrf` has for each; 0 is SHA-1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pbkdf2Hash(ForeignHash):
    """PBKDF2 with HMAC-SHA256 or HMAC-SHA512: the PHC form, passlib's, Django's, Werkzeug's, ASP.NET's."""

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
        re.compile(  # OpenLDAP's pw-pbkdf2, and passlib's ldap_pbkdf2
            r"\{PBKDF2-SHA(?P<bits>256|512)\}(?P<iterations>[0-9]{1,10})"
            r"\$(?P<salt_64>[A-Za-z0-9+./]+)\$(?P<digest_64>[A-Za-z0-9+./]+)"
        ),
        re.compile(rf"(?P<aspnet>AQAAAA{BASE64})"),
    )

    function: str
    iterations: int

    @classmethod
    def _from_groups(cls, groups: Mapping[str, str]) -> Self:
        if "aspnet" in groups:
            return cls._from_aspnet(decode64(groups["aspnet"]))
        digest = _bytes(groups, "digest")
        if int(groups.get("size", len(digest))) != len(digest):
            raise UnsupportedHash("has a digest of another length than its parameter l says.")
        function, iterations = groups.get("function", f"sha{groups.get('bits')}"), int(groups["iterations"])
        return cls(function=function, iterations=iterations, salt=_bytes(groups, "salt"), digest=digest)

    @classmethod
    def _from_aspnet(cls, data: bytes) -> Self:
        """ASP.NET Identity v3: a 1, then function, iterations and the salt's size, each in four bytes."""
        function, iterations, size = (int.from_bytes(data[place : place + 4]) for place in (1, 5, 9))
        if function not in ASPNET_FUNCTIONS:
            raise UnsupportedHash("is ASP.NET Identity's with another function than SHA-256 or SHA-512.")
        salt, digest = data[13 : 13 + size], data[13 + size :]
        return cls(function=ASPNET_FUNCTIONS[function], iterations=iterations, salt=salt, digest=digest)

    def _check_cost(self) -> None:
        if not 1 <= self._work <= MAX_PBKDF2_ITERATIONS:
            message = (
                f"has a PBKDF2 iteration count that is not 1 to {MAX_PBKDF2_ITERATIONS:,}, counted for each"
                " block of its digest."
            )
            raise UnsupportedHash(message)

    @property
    def _work(self) -> int:
        return self.iterations * -(-len(self.digest) // hashlib.new(self.function).digest_size)

    @property
    def share(self) -> float:
        """Iterations are the time."""
        return self._work / MAX_PBKDF2_ITERATIONS

    def _derive(self, password: bytes) -> bytes:
        return hashlib.pbkdf2_hmac(self.function, password, self.salt, self.iterations, len(self.digest))

    def __str__(self) -> str:
        costs = f"i={self.iterations}"
        return f"$pbkdf2-{self.function}${costs}${encode64(self.salt)}${encode64(self.digest)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptHash(ForeignHash):
    """Scrypt (RFC 7914): the PHC form (passlib's and AdonisJS's too), Django's, Werkzeug's and Spring's.

    Attributes:
        log_n: The binary logarithm of N.
        block_size: r.
        parallelism: p.
    """

    FORMS = (
        *(
            re.compile(
                rf"\$scrypt\${in_any_order(**n, r='r', p='p')}"
                rf"\$(?P<salt_64>{BASE64})\$(?P<digest_64>{BASE64})"
            )
            for n in ({"ln": "log_n"}, {"n": "n"})
        ),
        re.compile(rf"\$(?P<spring>[0-9a-f]{{5,8}})\$(?P<salt_64>{BASE64})\$(?P<digest_64>{BASE64})"),
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
        if "spring" in groups:
            costs = int(groups["spring"], 16)
            log_n, block_size, parallelism = costs >> 16, costs >> 8 & 0xFF, costs & 0xFF
        else:
            log_n, block_size, parallelism = _log_n(groups), int(groups["r"]), int(groups["p"])
        return cls(
            log_n=log_n,
            block_size=block_size,
            parallelism=parallelism,
            salt=_bytes(groups, "salt"),
            digest=_bytes(groups, "digest"),
        )

    def _check_cost(self) -> None:
        _check_scrypt(self.log_n, self.block_size, self.parallelism)

    @property
    def share(self) -> float:
        """Filling memory is the time."""
        return _scrypt_memory(self.log_n, self.block_size) * self.parallelism / MAX_SCRYPT_WORK

    def _derive(self, password: bytes) -> bytes:
        return _scrypt(password, self.salt, self.log_n, self.block_size, self.parallelism, len(self.digest))

    def __str__(self) -> str:
        costs = f"ln={self.log_n},r={self.block_size},p={self.parallelism}"
        return f"$scrypt${costs}${encode64(self.salt)}${encode64(self.digest)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirebaseScryptHash(ForeignHash):
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
        re.compile(  # Supabase's
            r"\$fbscrypt\$v=1,n=(?P<log_n>[0-9]{1,2}),r=(?P<r>[0-9]{1,3}),p=1"
            r"(?:,ss=(?P<separator_64>[A-Za-z0-9+/_-]*={0,2}))?,sk=(?P<signer_key_64>[A-Za-z0-9+/_-]+={0,2})"
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

    @property
    def share(self) -> float:
        """As scrypt's own."""
        return _scrypt_memory(self.log_n, self.block_size) / MAX_SCRYPT_WORK

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


FOREIGN_KINDS: tuple[type[ForeignHash], ...] = (
    BcryptHash,
    Pbkdf2Hash,
    ScryptHash,
    FirebaseScryptHash,
    PhpassHash,
)

_PHPASS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

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


def _log_n(groups: Mapping[str, str]) -> int:
    """The binary logarithm of scrypt's N, which is a power of two.

    Raises:
        UnsupportedHash: It is not.
    """
    if "log_n" in groups:
        return int(groups["log_n"])
    n = int(groups["n"])
    if n.bit_count() != 1:
        raise UnsupportedHash("has a scrypt N that is not a power of two.")
    return n.bit_length() - 1


def _scrypt_memory(log_n: int, block_size: int) -> int:
    """In bytes: 128·N·r."""
    return 128 * block_size << log_n


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
    memory = _scrypt_memory(log_n, block_size)
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
