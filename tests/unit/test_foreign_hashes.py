"""Hashes that other systems made: published vectors, canonical forms, bounds and refusals."""

import base64
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signet.domain.passwords.foreign_hashes import FOREIGN_KINDS
from signet.domain.passwords.hasher import Argon2Hash, Parameters, PasswordHasher, check_importable
from signet.errors import FaultKind, InvalidRequest
from tests.effort import examples

if TYPE_CHECKING:
    from signet.domain.passwords.stored_hashes import StoredHash

HASHER = PasswordHasher(Parameters(memory_kib=8, passes=1, lanes=1))


def encoded(size: int, byte: bytes = b"\x01") -> str:
    return base64.b64encode(byte * size).decode().rstrip("=")


SALT, DIGEST = encoded(16), encoded(32)
BCRYPT_TAIL = "abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
FIREBASE_SIGNER_KEY = (
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)
FIREBASE_DIGEST = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
FIREBASE = f"$firebase-scrypt$ln=14,r=8,ss=Bw==,sk={FIREBASE_SIGNER_KEY}$42xEC+ixf3L2lw==${FIREBASE_DIGEST}"

ARGON2 = [  # libargon2's src/test.c, of phc-winner-argon2: versions 1.0 and 1.3
    ("password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"),
    ("password", "$argon2i$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs"),
    ("password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
    ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    ("password", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    # passlib 1.7.4, tests/test_handlers_argon2.py
    ("password\0", "$argon2i$v=19$m=512,t=2,p=2$c29tZXNhbHQ$Fb5+nPuLzZvtqKRwqUEtUQ"),
    ("password", "$argon2d$v=19$m=102400,t=2,p=8$g2RodLh8j8WbSdCp+lUy/A$zzAJqL/HSjm809PYQu6qkA"),
]
BCRYPT = [  # Openwall's crypt_blowfish 1.3, wrapper.c
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        "$2a$05$" + BCRYPT_TAIL,
    ),
    # passlib 1.7.4, tests/test_handlers_bcrypt.py: UTF-8; past 255 bytes (OpenBSD's fault); high bits (PHP's)
    ("t\u00e1\u0411\u2113\u0259", "$2b$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG"),
    (("0123456789" * 26)[:257], "$2a$04$R1lJ2gkNaoPGdafE.H.16.1MKHPvmKwryeulRe225LKProWYwt9Oi"),
    ("\u0451", "$2y$05$6bNw2HLQYeqHYyBfLMsv/OUcZd0LKP39b87nBw3.S2tVZSqiQX6eu"),
]
PBKDF2 = [  # passlib 1.7.4, tests/test_handlers_pbkdf2.py and test_handlers_django.py (made by Django 1.4)
    (
        "password",
        "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ",
    ),
    (
        "\u0399\u03c9\u03b1\u03bd\u03bd\u03b7\u03c2",
        (
            "$pbkdf2-sha512$1212$KkbvoKGsAIcF8IslDR6skQ$8be/PRmd88Ps8fmPowCJt"
            "tH9G3vgxpG.Krjt3KT.NP6cKJ0V4Prarqf.HBwz0dCkJ6xgWnSj2ynXSV7MlvMa8Q"
        ),
    ),
    (
        "t\u00e1\u0411\u2113\u0259",
        "pbkdf2_sha256$10000$bEwAfNrH1TlQ$OgYUblFNUX1B8GfMqaCYUK/iHyO0pa7STTDdaEJBuY0=",
    ),
]
SCRYPT = [  # RFC 7914 section 12 (SodiumChloride), and passlib 1.7.4, tests/test_handlers_scrypt.py
    (
        "pleaseletmein",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
    ),
    ("nacl", "$scrypt$ln=1,r=4,p=2$yhnD+J+Tci4lZCwFgHCuVQ$fAsEWmxSHuC0cHKMwKVFPzrQukgvK09Sj+NueTSxKds"),
    ("password", "$scrypt$ln=8,r=2,p=1$dO6d0xoDoLT2PofQGoNQag$g/Wf2A0vhHhaJM+addK61QPBthSmYB6uVTtQzh8CM3o"),
]
FRAMEWORKS = [  # made with Django 5.2.19 and Werkzeug 3.1.9, with the lowest costs that they take
    ("lètmein-please", "pbkdf2_sha256$1000$iodizedseasalt$eM5kDF1VfE4LJH3uFjxhFg7sjlAl/ZJJhShU4zh4ngs="),
    (
        "lètmein-please",
        (
            "scrypt$1024$iodizedseasalt$8$5$"
            "4475nGzFLCbYGtnHZ7QLP+cXhqQ3pJSm++C9p78bD2bBWj9gkx4PGE7ie61H5q5j8ZLnmSro7yrEWSAIP4UIGA=="
        ),
    ),
    (
        "lètmein-please",
        "argon2$argon2id$v=19$m=64,t=1,p=1$aW9kaXplZHNlYXNhbHQ$MY8yYTrfw17lxEC0EKGf4fy6N+dmcsE5gK7KTj+Bryk",
    ),
    ("lètmein-please", "bcrypt$$2b$04$bQnX/YHhJ0XwF3dWi5nszOAA1Zo6s1sDB2RVsjUJ5VQ36aT34S6w2"),
    (
        "lètmein-please",
        (
            "scrypt:1024:8:1$4bxPRJGxl5Pz2cut$"
            "adc0e7d056eb9dfb9d85ea50e30c08619c6cd93169247becfe915945f35f7bde"
            "be38a5531529d2c1dec78edfe800abd2d904d776b3f9928a2ee2d72885497287"
        ),
    ),
    (
        "lètmein-please",
        "pbkdf2:sha256:1000$XWSe5MefYChN1mSA$0313d6554b9e4edd397a09b68f4598166110ec225395c2d5d9a070dda5905f39",
    ),
    (
        "lètmein-please",
        (
            "pbkdf2:sha512:1000$EMGUDRcxzGzCZwvn$"
            "cecf3a79deac7dbe7c8e9837f0a1f0de15168bfde1bcbae3c24501576866ae22"
            "7f47db8a4edc0b185d52c721e9cd342fdf34627323c5f9487fe55e574d6d4bde"
        ),
    ),
]
FIREBASES = [("user1password", FIREBASE)]  # the README of github.com/firebase/scrypt
VECTORS = [*ARGON2, *BCRYPT, *PBKDF2, *SCRYPT, *FRAMEWORKS, *FIREBASES]


def refusal_of(password_hash: str) -> str:
    """The message with which a hash is refused, which holds neither its salt nor its digest."""
    with pytest.raises(InvalidRequest) as caught:
        check_importable(password_hash)
    (fault,) = caught.value.faults
    assert fault.path == ("passwordHash",)
    assert fault.kind is FaultKind.INVALID
    error: BaseException | None = caught.value
    while error is not None:
        for part in password_hash.split("$")[-2:]:
            assert len(part) < 9 or part not in str(error)
        error = error.__cause__ or error.__context__
    return fault.message


@pytest.mark.parametrize(("password", "password_hash"), VECTORS)
def test_a_published_hash_verifies_its_password_alone(password: str, password_hash: str) -> None:
    """As it is and in its stored form, a hash lets in the password that it was made of."""
    stored = check_importable(password_hash)
    assert HASHER.verify(password_hash, password)
    assert HASHER.verify(stored, password)
    assert not HASHER.verify(stored, "!" + password)


@pytest.mark.parametrize("password_hash", [password_hash for _, password_hash in VECTORS])
def test_the_stored_form_is_stable(password_hash: str) -> None:
    """What is stored, and so what an export gives, can be imported again and stays the same."""
    stored = check_importable(password_hash)
    assert check_importable(stored) == stored


@pytest.mark.parametrize(
    ("password_hash", "stored"),
    [
        (f"$argon2id$v=19$m=64,t=1,p=1${SALT}${DIGEST}", f"$argon2id$v=19$m=64,t=1,p=1${SALT}${DIGEST}"),
        (f"$argon2i$m=64,t=1,p=1${SALT}==${DIGEST}=", f"$argon2i$v=16$m=64,t=1,p=1${SALT}${DIGEST}"),
        (f"argon2$argon2d$v=19$m=64,t=1,p=1${SALT}${DIGEST}", f"$argon2d$v=19$m=64,t=1,p=1${SALT}${DIGEST}"),
        (f"$2y$10${BCRYPT_TAIL}", f"$2y$10${BCRYPT_TAIL}"),
        (f"bcrypt$$2b$10${BCRYPT_TAIL}", f"$2b$10${BCRYPT_TAIL}"),
        (f"$2b$10${BCRYPT_TAIL[:21]}v{BCRYPT_TAIL[22:]}", f"$2b$10${BCRYPT_TAIL}"),
        (f"$pbkdf2-sha256$i=9,l=32${SALT}${DIGEST}", f"$pbkdf2-sha256$i=9${SALT}${DIGEST}"),
        (
            f"$pbkdf2-sha512$9${SALT}$AQEB.AEBAQEBAQEBAQEBAQ",
            f"$pbkdf2-sha512$i=9${SALT}$AQEB+AEBAQEBAQEBAQEBAQ",
        ),
        (f"pbkdf2_sha256$9$saltsalt${DIGEST}=", f"$pbkdf2-sha256$i=9$c2FsdHNhbHQ${DIGEST}"),
        (f"pbkdf2:sha512:9$saltsalt${'01' * 32}", f"$pbkdf2-sha512$i=9$c2FsdHNhbHQ${DIGEST}"),
        (f"scrypt$1024$saltsalt$8$1${DIGEST}=", f"$scrypt$ln=10,r=8,p=1$c2FsdHNhbHQ${DIGEST}"),
        (f"scrypt:1024:8:1$saltsalt${'01' * 32}", f"$scrypt$ln=10,r=8,p=1$c2FsdHNhbHQ${DIGEST}"),
        (
            f"$firebase-scrypt$ln=10,r=8,ss=,sk={encoded(32, b'\xfb').replace('+', '-')}=${SALT}${DIGEST}",
            f"$firebase-scrypt$ln=10,r=8,ss=,sk={encoded(32, b'\xfb')}${SALT}${DIGEST}",
        ),
    ],
)
def test_a_hash_is_stored_in_one_form(password_hash: str, stored: str) -> None:
    """PHC strings (or bcrypt's own), without padding, whatever framework wrote the hash."""
    assert check_importable(password_hash) == stored


def phc_argon2(costs: str = "m=64,t=1,p=1", salt: int = 16, digest: int = 32) -> str:
    return f"$argon2id$v=19${costs}${encoded(salt)}${encoded(digest)}"


def phc_pbkdf2(iterations: int, function: str = "sha256", salt: int = 16, digest: int = 32) -> str:
    return f"$pbkdf2-{function}$i={iterations}${encoded(salt)}${encoded(digest)}"


def phc_scrypt(log_n: int = 10, r: int = 8, p: int = 1, salt: int = 16, digest: int = 32) -> str:
    return f"$scrypt$ln={log_n},r={r},p={p}${encoded(salt)}${encoded(digest)}"


def firebase(log_n: int = 10, r: int = 8, separator: int = 1, signer_key: int = 64, digest: int = 64) -> str:
    project = f"ss={encoded(separator)},sk={encoded(signer_key)}"
    return f"$firebase-scrypt$ln={log_n},r={r},{project}${encoded(10)}${encoded(digest)}"


@pytest.mark.parametrize(
    ("inside", "outside", "bound"),
    [
        (phc_argon2("m=8,t=1,p=1"), phc_argon2("m=7,t=1,p=1"), "8 KiB a lane"),
        (phc_argon2("m=128,t=1,p=16"), phc_argon2("m=127,t=1,p=16"), "8 KiB a lane"),
        (phc_argon2("m=262144,t=1,p=1"), phc_argon2("m=262145,t=1,p=1"), "256 MiB"),
        (phc_argon2("m=262144,t=4,p=1"), phc_argon2("m=262144,t=5,p=1"), "1024 MiB in all"),
        (phc_argon2("m=64,t=16,p=1"), phc_argon2("m=64,t=17,p=1"), "passes are not 1 to 16"),
        (phc_argon2("m=64,t=1,p=1"), phc_argon2("m=64,t=0,p=1"), "passes are not 1 to 16"),
        (phc_argon2("m=256,t=1,p=16"), phc_argon2("m=256,t=1,p=17"), "lanes are not 1 to 16"),
        (phc_argon2("m=64,t=1,p=1"), phc_argon2("m=64,t=1,p=0"), "lanes are not 1 to 16"),
        (phc_argon2(salt=8), phc_argon2(salt=7), "salt that is not 8 to 128 bytes"),
        (phc_argon2(salt=128), phc_argon2(salt=129), "salt that is not 8 to 128 bytes"),
        (phc_argon2(digest=16), phc_argon2(digest=15), "digest that is not 16 to 64 bytes"),
        (phc_argon2(digest=64), phc_argon2(digest=65), "digest that is not 16 to 64 bytes"),
        (phc_argon2(digest=16), phc_argon2(digest=1), "digest that is not 16 to 64 bytes"),
        (f"$2b$04${BCRYPT_TAIL}", f"$2b$03${BCRYPT_TAIL}", "4 to 14"),
        (f"$2b$14${BCRYPT_TAIL}", f"$2b$15${BCRYPT_TAIL}", "4 to 14"),
        (phc_pbkdf2(1), phc_pbkdf2(0), "1 to 2,000,000"),
        (phc_pbkdf2(2_000_000), phc_pbkdf2(2_000_001), "1 to 2,000,000"),
        (phc_pbkdf2(1_000_000, digest=64), phc_pbkdf2(1_000_001, digest=64), "each block"),
        (phc_pbkdf2(2_000_000, "sha512", digest=64), phc_pbkdf2(2_000_001, "sha512", digest=64), "2,000,000"),
        (phc_pbkdf2(1, salt=8), phc_pbkdf2(1, salt=7), "salt"),
        (phc_pbkdf2(1, digest=16), phc_pbkdf2(1, digest=15), "digest"),
        (f"pbkdf2_sha256$1$saltsalt${DIGEST}", f"pbkdf2_sha256$1$seasalt${DIGEST}", "salt"),
        (
            f"$pbkdf2-sha256$i=1,l=32${SALT}${DIGEST}",
            f"$pbkdf2-sha256$i=1,l=31${SALT}${DIGEST}",
            "parameter l",
        ),
        (phc_scrypt(log_n=1), phc_scrypt(log_n=0), "N that is not more than 1"),
        (phc_scrypt(log_n=15, r=1), phc_scrypt(log_n=16, r=1), "less than 2^(16·r)"),
        (phc_scrypt(log_n=17, r=8), phc_scrypt(log_n=18, r=8), "128 MiB of memory"),
        (phc_scrypt(log_n=17, r=8), phc_scrypt(log_n=17, r=9), "128 MiB of memory"),
        (phc_scrypt(log_n=17, r=8, p=2), phc_scrypt(log_n=17, r=8, p=3), "256 MiB in all"),
        (phc_scrypt(r=32), phc_scrypt(r=33), "r is not 1 to 32"),
        (phc_scrypt(r=1), phc_scrypt(r=0), "r is not 1 to 32"),
        (phc_scrypt(p=16), phc_scrypt(p=17), "p is not 1 to 16"),
        (phc_scrypt(p=1), phc_scrypt(p=0), "p is not 1 to 16"),
        (phc_scrypt(salt=8), phc_scrypt(salt=7), "salt"),
        (phc_scrypt(digest=16), phc_scrypt(digest=15), "digest"),
        (f"scrypt:1024:8:1$saltsalt${'01' * 32}", f"scrypt:1000:8:1$saltsalt${'01' * 32}", "power of two"),
        (f"scrypt:1024:8:1$saltsalt${'01' * 32}", f"scrypt:0:8:1$saltsalt${'01' * 32}", "power of two"),
        (firebase(log_n=17), firebase(log_n=18), "128 MiB of memory"),
        (firebase(separator=16), firebase(separator=17), "separator that is longer than 16 bytes"),
        (firebase(), firebase(signer_key=63), "different lengths"),
        (firebase(signer_key=16, digest=16), firebase(signer_key=15, digest=15), "digest"),
    ],
)
def test_costs_and_sizes_are_bounded(inside: str, outside: str, bound: str) -> None:
    """Both sides of each bound: the last hash that is let in, and the first that is refused."""
    assert check_importable(inside)
    assert bound in refusal_of(outside)


@pytest.mark.parametrize(
    "outside", [phc_argon2("m=4194304,t=1,p=1"), f"$2b$31${BCRYPT_TAIL}", phc_scrypt(log_n=20)]
)
def test_a_hash_out_of_bounds_is_not_computed_at_a_login_either(outside: str) -> None:
    """A hash that got into the table past the import burns no function."""
    with pytest.raises(ValueError, match=r"asks for|cost"):
        HASHER.verify(outside, "password")


@pytest.mark.parametrize(
    "password_hash",
    [
        "",
        "$",
        "password",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "$5$saltsalt$NvBDqdRZMQjRVOqzQMHL1yG1c2SaF/u3ROlS4yXFcM9",
        "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
        "pbkdf2_sha1$10000$wz5B6WkasRoF$atJmJ1o+XfJxKq1+Nu1f1i57Z5I=",
        "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI",
        f"$2x$05${BCRYPT_TAIL}",
        f"$2$05${BCRYPT_TAIL}",
        f"$2b$5${BCRYPT_TAIL}",
        f"$2b$05${BCRYPT_TAIL[:-1]}",
        f"$2b$05${BCRYPT_TAIL}.",
        f"$2b$05${BCRYPT_TAIL}\n",
        f" $2b$05${BCRYPT_TAIL}",
        f"$argon2qq$v=19$m=64,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=18$m=64,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$t=1,m=64,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=64,t=1,p=1,keyid=AQ${SALT}${DIGEST}",
        f"$argon2id$v=19$m=64,t=1,p=1,data=AQ${SALT}${DIGEST}",
        f"$argon2id$v=19$m=-64,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=99999999999,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=\u0666\u0664,t=1,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}$",
        f"$argon2id$v=19$m=64,t=1,p=1$${DIGEST}",
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}${DIGEST}$",
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}${DIGEST[:-1]}é",
        f"$pbkdf2-sha1$i=1${SALT}${DIGEST}",
        f"$scrypt$ln=10,r=8${SALT}${DIGEST}",
        f"$firebase-scrypt$ln=10,r=8,ss=AQ${SALT}${DIGEST}",
    ],
)
def test_what_is_no_supported_hash_is_refused(password_hash: str) -> None:
    """The refusal lists what is supported."""
    message = refusal_of(password_hash)
    for supported in ("argon2", "pbkdf2-sha256", "pbkdf2-sha512", "scrypt", "$2b$", "$firebase-scrypt$"):
        assert supported in message
    with pytest.raises(ValueError, match="no supported form"):
        HASHER.verify(password_hash, "password")


@pytest.mark.parametrize(
    "password_hash",
    [
        f"$argon2id$v=19$m=64,t=1,p=1${SALT}${'A' * 33}",
        f"pbkdf2:sha256:9$saltsalt${'0' * 63}",
        f"$scrypt$ln=10,r=8,p=1${'A' * 21}${DIGEST}",
    ],
)
def test_a_part_that_is_no_base64_is_damage(password_hash: str) -> None:
    """A character that got lost is noticed where the length shows it."""
    assert "damaged" in refusal_of(password_hash)


def test_bcrypt_reads_72_bytes() -> None:
    """As every bcrypt did that made a hash of a longer password; a shorter one is another password."""
    stored = check_importable(BCRYPT[3][1])
    password = BCRYPT[3][0]
    assert HASHER.verify(stored, password[:72])
    assert HASHER.verify(stored, password[:72] + "anything")
    assert not HASHER.verify(stored, password[:71])


def test_bcrypt_does_not_stop_at_a_nul() -> None:
    """Else a password would be worth what stands before its first NUL."""
    assert not HASHER.verify(BCRYPT[0][1], "U*U\0")
    assert not HASHER.verify(BCRYPT[2][1], "\0anything")


def test_the_salt_separator_and_signer_key_count() -> None:
    """Firebase's digest is of one project: another one's key or separator lets nobody in."""
    assert not HASHER.verify(FIREBASE.replace("ss=Bw==", "ss=Bg=="), "user1password")
    assert not HASHER.verify(FIREBASE.replace("sk=jxsp", "sk=kxsp"), "user1password")


@pytest.mark.parametrize("password_hash", [ARGON2[0][1], BCRYPT[5][1], PBKDF2[0][1], SCRYPT[1][1], FIREBASE])
def test_a_foreign_hash_is_to_be_replaced(password_hash: str) -> None:
    """Whatever its cost."""
    assert HASHER.needs_rehash(password_hash)
    assert HASHER.needs_rehash(check_importable(password_hash))


@pytest.mark.parametrize("password_hash", [password_hash for _, password_hash in VECTORS])
def test_a_hash_taken_apart_shows_nothing_of_itself(password_hash: str) -> None:
    """Its repr may get into a log."""
    kinds: list[type[StoredHash]] = [Argon2Hash, *FOREIGN_KINDS]
    (shown,) = [repr(stored) for kind in kinds if (stored := kind.read(password_hash))]
    assert "digest" not in shown
    assert "salt" not in shown
    assert "signer_key" not in shown


CHEAP = [ARGON2[0][1], BCRYPT[5][1], f"$pbkdf2-sha512$i=1${SALT}${DIGEST}", SCRYPT[1][1], firebase(log_n=1)]


@settings(max_examples=examples(40))
@given(password=st.text(), password_hash=st.sampled_from(CHEAP))
def test_any_text_can_be_tried(password: str, password_hash: str) -> None:
    """A password of whatever characters is right or wrong, and never a fault."""
    assert not HASHER.verify(password_hash, password + "!")


@given(
    text=st.text(alphabet="$=,:./+-_abc0129iklmnprstv")
    | st.sampled_from(CHEAP).flatmap(
        lambda known: st.builds(
            lambda at, length, put: known[:at] + put + known[at + length :],
            st.integers(0, len(known)),
            st.integers(0, 40),
            st.text(max_size=4),
        )
    )
)
def test_any_text_is_a_hash_or_is_refused(text: str) -> None:
    """Nothing that an import holds raises anything but a refusal, and what it lets in reads back as it is."""
    try:
        stored = check_importable(text)
    except InvalidRequest:
        return
    assert check_importable(stored) == stored
