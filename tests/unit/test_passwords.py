"""Passwords: the policy, and hashing and verifying with argon2id."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from signet.domain.passwords import policy
from signet.domain.passwords.hasher import (
    Argon2Hash,
    Parameters,
    PasswordHasher,
    check_importable,
)
from signet.domain.passwords.policy import check_policy
from signet.errors import FaultKind, InvalidRequest

TINY = Parameters(memory_kib=8, passes=1, lanes=1)
HASHER = PasswordHasher(TINY)

LIGATURE = "\ufb01ne words here"
"""NFKC makes two letters of its first character."""


def refusal_of(password: str, field: str = "password") -> tuple[FaultKind, str]:
    with pytest.raises(InvalidRequest) as caught:
        check_policy(password, field)
    (fault,) = caught.value.faults
    assert fault.path == (field,)
    return fault.kind, fault.message


# The policy.


@pytest.mark.parametrize(
    "password",
    [
        "xkqzvwjp",
        "x" * 2047 + "y",
        "\U0001f511" * 8,
        "\U0001f511" * 2048,
        "correct horse battery staple",
        "        x",
        "12 34 56 78 90",
        "ÄÖÜäöüßẞ",
        "密码密码密码密码",
        "with\0a NUL",
        "\ufdfa",  # one character that NFKC makes 18 of
        "e\u0301" * 2048,  # 4,096 characters that NFKC makes 2,048 of
    ],
)
def test_a_password_may_be_of_any_characters(password: str) -> None:
    """No rule asks for a digit or refuses a space: only the length counts, after NFKC."""
    check_policy(password)


@pytest.mark.parametrize(
    ("password", "kind"),
    [
        ("", FaultKind.MISSING),
        ("x", FaultKind.WRONG_LENGTH),
        ("xkqzvwj", FaultKind.WRONG_LENGTH),
        ("\U0001f511" * 7, FaultKind.WRONG_LENGTH),
        ("e\u0301" * 7, FaultKind.WRONG_LENGTH),
        ("x" * 2049, FaultKind.TOO_LONG),
        ("\U0001f511" * 2049, FaultKind.TOO_LONG),
        ("e\u0301" * 2049, FaultKind.TOO_LONG),
        ("\ufdfa" * 114, FaultKind.TOO_LONG),
        ("x" * 32_000, FaultKind.TOO_LONG),
        ("\u0301" * 8_000 + "\u0327" * 8_000, FaultKind.TOO_LONG),
    ],
)
def test_a_password_has_8_to_2048_characters(password: str, kind: FaultKind) -> None:
    """Code points are counted after NFKC: neither bytes nor what the keyboard sent."""
    assert refusal_of(password)[0] is kind


def test_the_refusal_names_the_limit_and_the_field() -> None:
    """The caller learns what would be right."""
    assert "8 characters" in refusal_of("short", "newPassword")[1]
    assert "2048 characters" in refusal_of("x" * 2049)[1]


def test_the_refusal_never_quotes_the_password() -> None:
    """It says the same of any other one."""
    assert refusal_of("zqx") == refusal_of("wvy")
    assert refusal_of("zqx" * 1000) == refusal_of("wvy" * 1000)
    assert len({refusal_of(entry) for entry in policy._common_passwords()}) == 1


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "12345678",
        "qwertyuiop",
        "PASSWORD",
        "Password1",
        "iLoveYou",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44",  # "password" in full-width letters
        "\uff30\uff21\uff33\uff33\uff37\uff2f\uff32\uff24",
        "Pa\u017f\u017fword",  # with the long s of old prints
    ],
)
def test_the_most_common_passwords_are_refused(password: str) -> None:
    """In any case, and in any spelling that NFKC and case folding make the same."""
    kind, message = refusal_of(password)
    assert kind is FaultKind.INVALID
    assert "most common" in message


@pytest.mark.parametrize("password", ["password is here", "my password", "password!?", "drowssap-x"])
def test_a_common_password_within_another_one_is_none_of_the_list(password: str) -> None:
    """The list is of whole passwords."""
    check_policy(password)


def test_the_list_is_long_enough_and_as_it_is_compared() -> None:
    """Each entry is one that the length would let through, folded, and refused for being common."""
    entries = policy._common_passwords()
    assert len(entries) >= 3_000
    for entry in entries:
        assert entry == unicodedata.normalize("NFKC", entry.casefold())
        assert refusal_of(entry)[0] is FaultKind.INVALID
        assert refusal_of(entry.upper())[0] is FaultKind.INVALID


def test_the_list_says_where_it_is_from() -> None:
    """Source, version and licence stand at its head, and are no entries."""
    header, _, _ = policy.COMMON_PASSWORDS.read_text("utf-8").partition("\n\n")
    assert "Django 5.2.19" in header
    assert "Redistribution and use" in header
    assert not any(line.startswith("# ") for line in policy._common_passwords())


# Hashing and verifying.


def test_a_hash_is_a_phc_string_with_its_parameters() -> None:
    """Anybody who knows argon2 can read it, so nobody is locked in."""
    hasher = PasswordHasher(Parameters(memory_kib=32, passes=3, lanes=2))
    password_hash = hasher.hash("correct horse")
    assert password_hash.startswith("$argon2id$v=19$m=32,t=3,p=2$")
    assert check_importable(password_hash) == password_hash

    from argon2.low_level import Type, verify_secret

    assert verify_secret(password_hash.encode(), b"correct horse", Type.ID)


def test_each_hash_has_its_own_salt() -> None:
    """The same password twice gives two hashes."""
    assert HASHER.hash("correct horse") != HASHER.hash("correct horse")


def test_a_long_password_counts_to_its_last_character() -> None:
    """Nothing is cut off."""
    password_hash = HASHER.hash("x" * 2047 + "y")
    assert HASHER.verify(password_hash, "x" * 2047 + "y")
    assert not HASHER.verify(password_hash, "x" * 2047 + "z")
    assert not HASHER.verify(password_hash, "x" * 2047)


def test_the_policy_does_not_bind_where_a_password_is_checked() -> None:
    """Who has a short or common password from an import can log in with it."""
    assert HASHER.verify(HASHER.hash("a"), "a")
    assert HASHER.verify(HASHER.hash("password"), "password")


def test_a_password_too_long_to_normalise_verifies() -> None:
    """Hash and verification leave it as it is, both."""
    password = "\ufb01" * (policy.MAX_NORMALISED + 1)
    assert HASHER.verify(HASHER.hash(password), password)


@given(password=st.text(), other=st.text())
def test_a_hash_verifies_its_password_alone(password: str, other: str) -> None:
    """For any text."""
    assume(unicodedata.normalize("NFKC", password) != unicodedata.normalize("NFKC", other))
    password_hash = HASHER.hash(password)
    assert HASHER.verify(password_hash, password)
    assert not HASHER.verify(password_hash, other)
    assert not HASHER.needs_rehash(password_hash)
    assert not HASHER.needs_rehash(password_hash, password)


@given(
    password=st.text() | st.text(alphabet="e\u0301\u0327\u212b\ufb01\ufdfa\uff50\u1100\u1161 ", max_size=12)
)
def test_every_spelling_of_a_password_verifies(password: str) -> None:
    """A keyboard that composes a character and one that does not lead to the same account."""
    password_hash = HASHER.hash(password)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert HASHER.verify(password_hash, unicodedata.normalize(form, password))


def raw_hash(password: str, parameters: Parameters = TINY) -> str:
    """The hash of a system that does not normalise."""
    from argon2.low_level import Type, hash_secret

    costs = (parameters.passes, parameters.memory_kib, parameters.lanes)
    return hash_secret(password.encode(), b"saltsaltsaltsalt", *costs, 32, Type.ID).decode()


def test_a_hash_of_raw_bytes_verifies() -> None:
    """An imported hash was made of what the user typed."""
    assert HASHER.verify(raw_hash(LIGATURE), LIGATURE)
    assert not HASHER.verify(raw_hash(LIGATURE), unicodedata.normalize("NFKC", LIGATURE))


def test_a_hash_of_raw_bytes_is_to_be_replaced() -> None:
    """With the password at hand it shows; where there is one spelling, there is nothing to replace."""
    assert HASHER.needs_rehash(raw_hash(LIGATURE), LIGATURE)
    assert not HASHER.needs_rehash(HASHER.hash(LIGATURE), LIGATURE)
    assert not HASHER.needs_rehash(raw_hash("plain words"), "plain words")
    assert HASHER.needs_rehash(raw_hash("e\u0301 words"), "\u00e9 words")


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(memory_kib=9, passes=1, lanes=1),
        Parameters(memory_kib=16, passes=1, lanes=2),
        Parameters(memory_kib=8, passes=2, lanes=1),
    ],
)
def test_a_hash_with_other_parameters_is_to_be_replaced(parameters: Parameters) -> None:
    """Weaker or stronger, so that every login takes the same time; it verifies all the same."""
    other = PasswordHasher(parameters)
    for old, today in ((HASHER, other), (other, HASHER)):
        password_hash = old.hash("correct horse")
        assert today.verify(password_hash, "correct horse")
        assert today.needs_rehash(password_hash)
        assert not old.needs_rehash(password_hash)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("$argon2id$", "$argon2i$"),
        ("$v=19$", "$v=16$"),
        ("$v=19$", "$"),
        ("c2FsdHNhbHRzYWx0c2FsdA", "c2FsdHNhbHRzYWx0c2Fs"),
    ],
)
def test_another_kind_of_argon2_is_to_be_replaced(part: str, other: str) -> None:
    """Variant, version and sizes are today's too."""
    today = raw_hash("correct horse")
    assert part in today
    assert not HASHER.needs_rehash(today)
    assert HASHER.needs_rehash(today.replace(part, other))


@pytest.mark.parametrize("damage", ["", "x", "$argon2id$", "lost", "short digest", "short salt"])
def test_a_damaged_hash_is_a_fault_and_no_wrong_password(damage: str) -> None:
    """Else a fault would look like users who forget; and the error does not show the hash."""
    good = HASHER.hash("correct horse")
    head, salt, digest = good.rsplit("$", 2)
    bad = {"lost": good[1:], "short digest": f"{head}${salt}$AA", "short salt": f"{head}$AA${digest}"}
    for attempt in (HASHER.verify, HASHER.needs_rehash):
        with pytest.raises(ValueError, match=r".") as caught:
            attempt(bad.get(damage, damage), "correct horse")
        assert digest not in str(caught.value)
        assert salt not in str(caught.value)


@pytest.mark.parametrize(
    ("memory_kib", "passes", "lanes"),
    [(7, 1, 1), (15, 1, 2), (8, 0, 1), (8, 1, 0), (262_145, 1, 1), (262_144, 5, 1), (8, 17, 1), (256, 1, 17)],
)
def test_parameters_that_could_not_be_imported_again_are_refused(
    memory_kib: int, passes: int, lanes: int
) -> None:
    """A setting out of bounds fails at once, and not at the first login or the first import."""
    with pytest.raises(ValueError, match="argon2"):
        Parameters(memory_kib, passes, lanes)


# What must not be told by the time that it takes.


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Parameters, bytes]]:
    """What is computed: the parameters and the password of each argon2 hash."""
    done: list[tuple[Parameters, bytes]] = []
    matches = Argon2Hash.matches

    def match_and_note(stored: Argon2Hash, password: bytes) -> bool:
        done.append((stored.parameters, password))
        return matches(stored, password)

    monkeypatch.setattr(Argon2Hash, "matches", match_and_note)
    return done


@pytest.mark.parametrize(
    ("password", "times"),
    [
        ("", 1),
        ("wrong password", 1),
        (LIGATURE, 2),
        ("e\u0301", 2),
        ("\u00e9", 2),
        ("\ufb01" * 9000, 1),
        ("\ufb01\u00e9", 3),
    ],
)
def test_a_decoy_costs_what_a_wrong_password_costs(
    work: list[tuple[Parameters, bytes]], password: str, times: int
) -> None:
    """The same hashes of the same bytes, from the first call on: also where NFKC asks for a second one."""
    hasher = PasswordHasher(Parameters(memory_kib=16, passes=2, lanes=1))
    password_hash = hasher.hash("the right one")
    work.clear()
    assert not hasher.verify(password_hash, password)
    of_a_wrong_password = work.copy()
    work.clear()
    hasher.verify_decoy(password)
    assert work == of_a_wrong_password
    assert len(work) == times


def test_making_a_hasher_hashes_nothing(work: list[tuple[Parameters, bytes]]) -> None:
    """A container that never sees a password pays nothing for the decoy."""
    PasswordHasher(TINY)
    assert not work


def test_two_hashers_have_different_decoys() -> None:
    """A decoy that is the same everywhere could be looked for."""
    assert PasswordHasher(TINY)._decoy != PasswordHasher(TINY)._decoy


def test_threads_may_share_a_hasher() -> None:
    """The local gateway serves requests from several, which may all be the first to need the list."""
    policy._common_passwords.cache_clear()

    def register_and_log_in(number: int) -> bool:
        password = f"correct horse {number}"
        check_policy(password)
        HASHER.verify_decoy(password)
        return HASHER.verify(HASHER.hash(password), password)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(register_and_log_in, range(200)))


def test_combining_characters_without_end_are_not_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting them takes quadratic time, so that such a password is hashed as it is, wherever it is."""
    normalised: list[str] = []
    real = unicodedata.normalize

    def normalize(form: Literal["NFKC"], text: str) -> str:
        normalised.append(text)
        return real(form, text)

    monkeypatch.setattr("unicodedata.normalize", normalize)
    marks = "\u0301\u0323"
    for password in ("long e" + marks * 33, "long e" + marks * 4000, "long " + "a\u0301" * 4000):
        hasher = PasswordHasher(TINY)
        assert hasher.verify(hasher.hash(password), password)
    assert {len(text) for text in normalised} == {len("long " + "a\u0301" * 4000)}
