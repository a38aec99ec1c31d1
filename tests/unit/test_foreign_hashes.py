"""Hashes that other systems made: published vectors, canonical forms, bounds and refusals."""

import base64
import unicodedata
from typing import TYPE_CHECKING, Literal

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signet.domain.passwords.foreign_hashes import FOREIGN_KINDS, BcryptHash
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
FIREBASES = [
    ("user1password", FIREBASE),  # the README of github.com/firebase/scrypt
    (  # Supabase's auth, internal/crypto/password_test.go
        "mytestpassword",
        (
            "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZ"
            "nO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$"
            "zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw=="
        ),
    ),
]
NODE = [  # made with the npm packages argon2 0.45.1, @phc/argon2 1.0.9, and @adonisjs/hash 10.1.1
    (
        "lètmein-please",
        "$argon2id$v=19$m=1024,p=1,t=2$PKO7iDmeNRCAd+931UHHGA$lTYi31M3lrnbnmUMuuUoCuqieJYkXvo0pRLJTatFh50",
    ),
    (
        "lètmein-please",
        "$argon2id$v=19$t=2,m=1024,p=1$5yU73krpRT3paPlyv6uxow$Rs1vbRkGMN1f4/o4p9L0OYG6ajKLhwMIZmh2x9rEJe0",
    ),
    (
        "lètmein-please",
        (
            "$scrypt$n=1024,r=8,p=1$35x28oEgvokBLlL8Bfjf3g$"
            "WUxE/DFHT+uHHUu1a3LYnf8Cv3liK+YDYzS+wfMRBSnlPltYA3HHwaF4uMLju1tbQduPin8oI+7sG0Hzl/EmuQ"
        ),
    ),
    ("lètmein-please", "$bcrypt$v=98$r=4$X5L9hisjqw7vEO3YEg6B3g$5gZMvbNUDl33GsCSBYBk1bVsdol/g1U"),
]
LABELLED = [
    # Spring Security's reference, Password Storage
    ("password", "{bcrypt}$2a$10$dXJ3SW6G7P50lGmMkkmwe.20cQQubK3.HZWzG3YB1tlRy.fqvM/BG"),
    (
        "password",
        (
            "{scrypt}$e0801$8bWJaSu2IKSn9Z9kM+TPXfOc/9bdYSrN1oD9qfVThWEwdRTnO7re7Ei+fUZRJ68k9lTyuTeUp4of4g24hHnazw=="
            "$OAOec05+bXxvuu/1qZ6NUR+xQYvYv7BeL1QxwRpY5Pc="
        ),
    ),
    # made with passlib 1.7.4: ldap_bcrypt, and ldap_pbkdf2_*, which OpenLDAP's pw-pbkdf2 writes too
    ("lètmein-please", "{CRYPT}$2b$04$OPd4625Od7Fq.y0jDs.48uCDJ8l4vliZv/15LfoiVXGKeBd5QglO2"),
    (
        "lètmein-please",
        "{PBKDF2-SHA256}1000$.P./d45RSun939v7v9e6Nw$ClV6Bvk3jxEGFem2k6bl1Ysfo1/G7DkfoSaZP6vau.s",
    ),
    (
        "lètmein-please",
        (
            "{PBKDF2-SHA512}1000$kzImRIixtrb2HsOYk7I2Bg$"
            "zKyniVAbIxYK.z/7kLoLvcTltJHO8fnUAgobIi5xX.kpSG1Phhe0kp42dX1ZcCIuevDK1fl2d7GdMOT8L4XlAA"
        ),
    ),
    # the labels of other LDAP servers before hashes from above
    ("U*U", "{BCRYPT}" + BCRYPT[0][1]),
    ("U*U", "{BLF-CRYPT}" + BCRYPT[0][1]),
    (ARGON2[3][0], "{ARGON2}" + ARGON2[3][1]),
    (ARGON2[3][0], "{ARGON2ID}" + ARGON2[3][1]),
    (ARGON2[3][0], "{argon2@SpringSecurity_v5_8}" + ARGON2[3][1]),
]
ASPNET = [  # the tests of ASP.NET Core's PasswordHasher
    (
        "my password",
        "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=",
    ),
    ("my password", "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw"),
    (
        "my password",
        (
            "AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAf"
            "Z8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw=="
        ),
    ),
]
DJANGO_SHA256 = [  # made with Django 5.2.19: BCryptSHA256PasswordHasher
    ("lètmein-please", "bcrypt_sha256$$2b$04$VKbyUu3etzJ2LxuyJ0gCruuWWNwndHbTI9bR3k2Z3HVnKLI5d58p2"),
    ("lètmein-please" * 8, "bcrypt_sha256$$2b$04$XAeuyWIhGerjjhCr/BJ1t.szemDgCyovIkcBHCWpvnqDAcosUNIQS"),
]
WORDPRESS = [
    # a user of WordPress 6.8's, whose password its owner published
    ("test123", "$wp$2y$10$v719Zyb/5DiglXjaGmtVoO.58ZfZLBkfIyjXnYyIbWYYFsofeucua"),
    (
        "letmein-please",
        "$P$BXRbRK/5GmlSVu1zcAD8dkeFFnAsTd/",
    ),  # made with the npm package wordpress-hash-node 1.0.0
    # passlib 1.7.4, tests/test_handlers.py, the first from phpass's own test
    ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    ("123456", "$H$9PE8jEklgZhgLmZl5.HYJAzfGCQtzi1"),
    ("JohnRipper", "$P$B12345678L6Lpt4BxNotVIMILOa9u81"),
    ("", "$P$7JaFQsPzJSuenezefD/3jHgt5hVfNH0"),
    ("compL3X!", "$P$FiS0N5L672xzQx1rt1vgdJQRYKnQM9/"),
    ("t\u00e1\u0411\u2113\u0259", "$P$7SMy8VxnfsIy2Sxm7fJxDSdil.h7TW."),
]
VECTORS = [
    *ARGON2,
    *BCRYPT,
    *PBKDF2,
    *SCRYPT,
    *FRAMEWORKS,
    *FIREBASES,
    *NODE,
    *LABELLED,
    *ASPNET,
    *DJANGO_SHA256,
    *WORDPRESS,
]


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


def phc_bcrypt(cost: int = 14, salt: int = 16, digest: int = 23) -> str:
    return f"$bcrypt$v=98$r={cost}${encoded(salt)}${encoded(digest)}"


def phpass(rounds: str = "B", last: str = ".") -> str:
    return f"$P${rounds}12345678{'a' * 21}{last}"


def aspnet(
    function: int = 1, iterations: int = 10, salt: int = 16, digest: int = 32, said: int | None = None
) -> str:
    numbers = (function, iterations, salt if said is None else said)
    head = b"\1" + b"".join(number.to_bytes(4) for number in numbers)
    return base64.b64encode(head + bytes(salt + digest)).decode()


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
        (f"$wp$2y$14${BCRYPT_TAIL}", f"$wp$2y$15${BCRYPT_TAIL}", "4 to 14"),
        (f"bcrypt_sha256$$2b$14${BCRYPT_TAIL}", f"bcrypt_sha256$$2b$15${BCRYPT_TAIL}", "4 to 14"),
        (phc_bcrypt(), phc_bcrypt(cost=15), "4 to 14"),
        (phc_bcrypt(), phc_bcrypt(salt=15), "not 16"),
        (phc_bcrypt(), phc_bcrypt(digest=22), "not 23"),
        (phpass("F"), phpass("G"), "2^7 to 2^17"),
        (phpass("5"), phpass("4"), "2^7 to 2^17"),
        (phpass(), phpass(last="2"), "damaged"),
        (aspnet(iterations=2_000_000), aspnet(iterations=2_000_001), "1 to 2,000,000"),
        (aspnet(), aspnet(iterations=0), "1 to 2,000,000"),
        (aspnet(2), aspnet(3), "another function"),
        (aspnet(1), aspnet(0), "another function"),
        (aspnet(salt=8), aspnet(salt=7), "salt"),
        (aspnet(digest=16), aspnet(digest=15), "digest"),
        (aspnet(), aspnet(said=48), "digest"),
        (aspnet(), aspnet(said=2**32 - 1), "digest"),
        (f"$100801${SALT}${DIGEST}", f"$120801${SALT}${DIGEST}", "128 MiB of memory"),
        (f"$100801${SALT}${DIGEST}", f"$100800${SALT}${DIGEST}", "p is not 1 to 16"),
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
        f"$argon2id$v=19$m=64,t=1,t=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=64,t=1,p=1,t=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=64,t=1,xp=1${SALT}${DIGEST}",
        f"$scrypt$n=1024,ln=10,r=8,p=1${SALT}${DIGEST}",
        f"{{md5}}$2b$05${BCRYPT_TAIL}",
        f"{{bcrypt}}{{bcrypt}}$2b$05${BCRYPT_TAIL}",
        f"x{{bcrypt}}$2b$05${BCRYPT_TAIL}",
        "{noop}password",
        f"$wp$2x$05${BCRYPT_TAIL}",
        "$P$B93XIDF5O2WV8Qrboa7l4ZF1yRTexm",
        "$P$B93XIDF5O2WV8Qrboa7l4ZF1yRTexm..",
        "$S$DIIbd5tgPR8oVOMZ7NqZ5T0cOJHkRQ2yd6lvp1q4hTgSD5bWsFSc",
        "!FLp5NYVYgrZhUZyT4mnYdU64VqW2DRLfxPlfeKIh",
        "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==",
        f"$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk={DIGEST}${SALT}${DIGEST}",
        f"$fbscrypt$v=1,n=14,r=8,p=2,ss=Bw==,sk={DIGEST}${SALT}${DIGEST}",
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
    canonical = check_importable(password_hash)
    (shown,) = [repr(stored) for kind in kinds if (stored := kind.read(canonical))]
    assert "digest" not in shown
    assert "salt" not in shown
    assert "signer_key" not in shown


@pytest.mark.parametrize(
    "password_hash",
    [
        phc_argon2("m=262144,t=4,p=1"),
        f"$2b$14${BCRYPT_TAIL}",
        phc_pbkdf2(2_000_000),
        phc_scrypt(log_n=17, r=8, p=2),
        phpass("F"),
    ],
)
def test_the_most_that_is_let_in_is_one_whole_share(password_hash: str) -> None:
    """So the two spellings that may be ours are verified, whatever a hash costs, and no more of its worst."""
    kinds: list[type[StoredHash]] = [Argon2Hash, *FOREIGN_KINDS]
    assert [stored.share for kind in kinds if (stored := kind.read(password_hash))] == [1]


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFD", "NFKD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_an_imported_hash_of_another_spelling_verifies(
    form: Literal["NFC", "NFKC", "NFD", "NFKD"], typed: Literal["NFC", "NFD"]
) -> None:
    """Where it was made keyboards composed their characters otherwise: any normal form of it is right."""
    made_of = unicodedata.normalize(form, "pässwörd-\u0390")
    password_hash = bcrypt.hashpw(made_of.encode(), bcrypt.gensalt(4)).decode()
    assert HASHER.verify(password_hash, unicodedata.normalize(typed, "pässwörd-\u0390"))
    assert not HASHER.verify(password_hash, unicodedata.normalize(typed, "passwörd-\u0390"))


def test_as_many_spellings_are_tried_as_twice_the_bound_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its bound a hash is computed for what was typed and for our own form; at half of it for all four."""
    tried: list[bytes] = []

    def derive(_: object, password: bytes) -> bytes:
        tried.append(password)
        return b""

    monkeypatch.setattr(BcryptHash, "_derive", derive)
    typed = "a\u0323\u0307\u212b\ufb01\u00e9"  # of four spellings
    spellings = [typed] + [unicodedata.normalize(form, typed) for form in ("NFKC", "NFC", "NFD")]
    for cost, times in ((14, 2), (13, 4), (4, 4)):
        tried.clear()
        assert not HASHER.verify(f"$2b${cost:02}${BCRYPT_TAIL}", typed)
        assert tried == [spelling.encode() for spelling in spellings[:times]]


@pytest.mark.parametrize(
    ("password_hash", "password", "is_replaced"),
    [
        (BCRYPT[0][1], "x" * 71, True),
        (BCRYPT[0][1], "x" * 72, False),
        (BCRYPT[0][1], "x" * 300, False),
        (BCRYPT[0][1], "é" * 24, False),  # 48 bytes as it is, 72 decomposed
        (BCRYPT[0][1], "é" * 23, True),
        (DJANGO_SHA256[0][1], "x" * 300, True),
        (WORDPRESS[0][1], "x" * 300, True),
        (WORDPRESS[0][1], "x ", False),
        (WORDPRESS[1][1], "\tx", False),
        (WORDPRESS[1][1], "x y", True),
        (PBKDF2[0][1], "x" * 300, True),
    ],
)
def test_a_hash_that_does_not_tell_passwords_apart_is_kept(
    password_hash: str, password: str, *, is_replaced: bool
) -> None:
    """The first who logs in may have typed another tail than was set: its hash would lock the owner out."""
    assert HASHER.needs_rehash(password_hash, password) == is_replaced
    assert HASHER.needs_rehash(password_hash)


def test_wordpress_takes_blanks_off() -> None:
    """It did so where the password was set, and does it where one is given."""
    for password, password_hash in WORDPRESS[:2]:
        assert HASHER.verify(password_hash, f" {password}\t\n")
        assert not HASHER.verify(password_hash, f"_{password}")


def test_a_password_that_wordpress_would_not_have_taken_is_wrong() -> None:
    """Each of thousands of rounds would read all of it."""
    assert not HASHER.verify(WORDPRESS[1][1], "x" * 4097)


CHEAP = [DJANGO_SHA256[0][1], NODE[3][1], f"$wp$2y$04${BCRYPT_TAIL}", WORDPRESS[5][1], ASPNET[1][1]]
CHEAP += [f"$010801${SALT}${DIGEST}", f"{{PBKDF2-SHA256}}1${SALT}${DIGEST}", "{CRYPT}" + BCRYPT[5][1]]
CHEAP += [NODE[0][1], f"$scrypt$n=2,r=4,p=2${SALT}${DIGEST}"]
CHEAP += [ARGON2[0][1], BCRYPT[5][1], f"$pbkdf2-sha512$i=1${SALT}${DIGEST}", SCRYPT[1][1], firebase(log_n=1)]


ANY_BASE64 = st.binary(min_size=8, max_size=128).map(lambda raw: base64.b64encode(raw).decode())


@given(
    kind=st.sampled_from(["argon2id", "argon2i", "argon2d"]),
    version=st.sampled_from(["$v=19", "$v=16", ""]),
    costs=st.permutations(["m=0016", "t=1", "p=2"]).map(",".join),
    salt=ANY_BASE64,
    digest=ANY_BASE64,
    last=st.sampled_from("AQgwB9/"),
)
def test_the_library_reads_every_argon2_hash_that_is_let_in(
    kind: str, version: str, costs: str, salt: str, digest: str, last: str
) -> None:
    """Its own reader is strict about spelling and order: what it refuses would be a fault at each login."""
    spelled = f"${kind}{version}${costs}${salt}${digest.rstrip('=')[:-1]}{last}"
    try:
        stored = check_importable(spelled)
    except InvalidRequest:
        return
    assert not HASHER.verify(stored, "password")
    assert HASHER.needs_rehash(stored, "password")


@settings(max_examples=examples(40))
@given(password=st.text(), password_hash=st.sampled_from(CHEAP))
def test_any_text_can_be_tried(password: str, password_hash: str) -> None:
    """A password of whatever characters is right or wrong, and never a fault."""
    assert not HASHER.verify(password_hash, password + "!")


@given(
    text=st.text(alphabet="$=,:./+-_abc0129iklmnprstv{}APQHwy")
    | st.binary(max_size=120).map(lambda data: base64.b64encode(b"\1\0\0\0" + data).decode())
    | st.text(alphabet="./09AZaz", min_size=28, max_size=34).map("$P$".__add__)
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
