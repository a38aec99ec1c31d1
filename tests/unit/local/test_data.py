"""What outlives `make run`: every write that was answered, and a sentence where that cannot be."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from local import aws, data, sam
from local.__main__ import find_key, open_data
from local.data import Data
from local.errors import StartError
from local.template import Resolver
from local.write_through import WriteThrough
from tests.deployment import URL, load_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUCKET = "kept-bucket"
VALUES: dict[str, Any] = {
    "text": {"S": 'é "\ud83d\ude00 \u0000'},
    "number": {"N": "-12345678901234567890.0123456789"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "nothing": {"NULL": True},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "blobs": {"BS": [b"\x00", b"\x01"]},
    "list": {"L": [{"S": "x"}, {"M": {"deep": {"L": [{"B": b"\x02"}, {"NULL": True}]}}}]},
    "map": {"M": {"a": {"N": "1"}, "b": {"SS": ["c"]}, "empty": {"M": {}}}},
}


def key(number: int) -> dict[str, Any]:
    return {"pk": {"S": f"p{number % 3}"}, "sk": {"S": str(number)}}


class Kept:
    """An embedded AWS that keeps what it is told in a folder, and forgets all else when it restarts."""

    def __init__(self, folder: Path, db: Any, s3: Any, keep: WriteThrough) -> None:
        self.folder, self.db, self.s3, self._keep = folder, db, s3, keep
        self.name = f"kept-{folder.parent.name}"
        loaded = load_template()
        values = sam.physical_values(loaded, URL, self.name, "key")
        self.table = sam.read_table(Resolver(loaded, values), self.name)
        self._data: Data | None = None
        self.restart()

    def restart(self) -> None:
        """Begin again with what the folder holds."""
        self.end()
        self._data = Data(self.folder)
        # The server stays, and its clients, whose start takes longest of all.
        vars(self._keep).update(vars(WriteThrough(self._data)))
        self.db.create_table(**self.table.create)
        self._keep.load_items(self.name, self.table.key_names)
        self.s3.create_bucket(Bucket=BUCKET)
        self._keep.load_files([BUCKET])

    def end(self) -> None:
        """Forget all of it, as a process does that ends."""
        from moto.dynamodb.models import dynamodb_backends
        from moto.s3.models import s3_backends

        if self._data is not None:
            dynamodb_backends[sam.ACCOUNT][sam.REGION].tables.pop(self.name, None)
            if (bucket := s3_backends[sam.ACCOUNT]["aws"].buckets.pop(BUCKET, None)) is not None:
                for one in (*bucket.keys.values(), *bucket.multiparts.values()):
                    one.dispose()
            s3_backends.bucket_accounts.pop(BUCKET, None)
            self._data.close()

    def items(self) -> list[dict[str, Any]]:
        """All items, in the order of their keys."""
        found: list[dict[str, Any]] = self.db.scan(TableName=self.name)["Items"]
        for item in found:
            for sets in ("SS", "NS", "BS"):
                for value in item.values():
                    if sets in value:
                        value[sets].sort()
        return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, WriteThrough]]:
    """Clients of an embedded AWS, and what keeps its data."""
    variables = {
        "MOTO_DISABLE_GLOBAL_CORS": "true",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch, Data(tmp_path_factory.mktemp("first")) as first:
        for name, value in variables.items():
            patch.setenv(name, value)
        keep = WriteThrough(first)
        session, url = botocore.session.get_session(), aws.start(keep=keep)
        db, s3 = (session.create_client(name, endpoint_url=url) for name in ("dynamodb", "s3"))
        yield db, s3, keep


@pytest.fixture
def kept(tmp_path: Path, server: tuple[Any, Any, WriteThrough]) -> Iterator[Kept]:
    """One whose data stay."""
    one = Kept(tmp_path / "state", *server)
    yield one
    one.end()


def transact(kept: Kept) -> None:
    update = {
        "Key": key(2),
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"N": "7"}},
    }
    kept.db.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": kept.name, "Item": {**key(7), **VALUES}}},
            {"Update": {"TableName": kept.name, **update}},
            {"Delete": {"TableName": kept.name, "Key": key(3)}},
        ]
    )


def refused(kept: Kept) -> None:
    check = {"ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(kept.db.exceptions.TransactionCanceledException):
        kept.db.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": kept.name, "Item": {**key(1), "changed": {"S": "no"}}}},
                {"ConditionCheck": {"TableName": kept.name, "Key": key(99), **check}},
            ]
        )
    with pytest.raises(kept.db.exceptions.ConditionalCheckFailedException):
        kept.db.put_item(TableName=kept.name, Item=key(99), **check)


def batch(kept: Kept) -> None:
    puts = [{"PutRequest": {"Item": {**key(number), "n": {"N": "1"}}}} for number in (4, 5)]
    kept.db.batch_write_item(RequestItems={kept.name: [*puts, {"DeleteRequest": {"Key": key(2)}}]})


def partiql(kept: Kept) -> None:
    statement = f"DELETE FROM \"{kept.name}\" WHERE pk = 'p1' AND sk = '1'"  # noqa: S608 - no SQL
    kept.db.execute_statement(Statement=statement)


def malformed(kept: Kept) -> None:
    with pytest.raises(kept.db.exceptions.ClientError):
        kept.db.put_item(TableName=kept.name, Item={"pk": {"S": "p"}})


WRITES: list[Callable[[Kept], object]] = [
    lambda kept: kept.db.put_item(TableName=kept.name, Item={**key(1), **VALUES}),
    lambda kept: kept.db.put_item(TableName=kept.name, Item={**key(1), "n": {"N": "2"}}),
    lambda kept: kept.db.update_item(
        TableName=kept.name,
        Key=key(2),
        UpdateExpression="ADD s :s SET b = :b REMOVE n",
        ExpressionAttributeValues={":s": {"SS": ["x"]}, ":b": {"B": b"\x00\x01"}},
    ),
    lambda kept: kept.db.delete_item(TableName=kept.name, Key=key(3)),
    lambda kept: kept.db.delete_item(TableName=kept.name, Key=key(99)),
    transact,
    refused,
    batch,
    partiql,
    malformed,
]


@pytest.mark.parametrize("write", WRITES)
def test_every_write_that_was_answered_is_there_after_a_restart(
    kept: Kept, write: Callable[[Kept], object]
) -> None:
    """Whatever the request, with every type of attribute; and nothing of a write that was refused."""
    for number in (1, 2, 3):
        kept.db.put_item(TableName=kept.name, Item={**key(number), **VALUES})
    write(kept)
    before = kept.items()
    kept.restart()
    assert kept.items() == before
    # What was read is as good to write on as what was written.
    kept.db.put_item(TableName=kept.name, Item=key(8))
    write(kept)
    before = kept.items()
    kept.restart()
    assert kept.items() == before


def test_files_are_there_after_a_restart(kept: Kept) -> None:
    """What was put, uploaded in parts or overwritten, with its tag; and not what was deleted."""
    for name, body in (("a", b"1"), ("b/c d", b"\x00\xff"), ("gone", b"3"), ("too", b"4"), ("a", b"5")):
        kept.s3.put_object(Bucket=BUCKET, Key=name, Body=body, ContentType="application/json")
    kept.s3.delete_object(Bucket=BUCKET, Key="gone")
    kept.s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "too"}]})
    upload = {"Bucket": BUCKET, "Key": "parts"}
    upload["UploadId"] = kept.s3.create_multipart_upload(**upload)["UploadId"]
    part = kept.s3.upload_part(**upload, PartNumber=1, Body=b"part")
    kept.s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )

    def files() -> dict[str, tuple[object, ...]]:
        listed = kept.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
        got = {file["Key"]: kept.s3.get_object(Bucket=BUCKET, Key=file["Key"]) for file in listed}
        return {name: (one["Body"].read(), one["ETag"], one["ContentType"]) for name, one in got.items()}

    before = files()
    assert {name: file[0] for name, file in before.items()} == {
        "a": b"5",
        "b/c d": b"\x00\xff",
        "parts": b"part",
    }
    kept.restart()
    assert files() == before


def test_only_the_owner_can_read_what_is_kept(kept: Kept) -> None:
    """The folder, and every file in it, SQLite's own too."""
    kept.db.put_item(TableName=kept.name, Item=key(1))
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in kept.folder.iterdir()}
    assert names == dict.fromkeys(("data.sqlite", "data.sqlite-shm", "data.sqlite-wal", "lock"), 0o600)
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700


def test_what_cannot_be_kept_is_not_answered(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the disk is full the process ends, with a sentence: what it holds would not be kept."""

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    ends = list[int]()
    monkeypatch.setattr(Data, "write_items", full)
    monkeypatch.setattr(os, "_exit", ends.append)
    kept.db.put_item(TableName=kept.name, Item=key(1))
    assert ends == [1]
    assert "data.sqlite cannot be written (database or disk is full)" in capsys.readouterr().err


def test_a_kms_key_that_is_not_the_data_s_is_said(tmp_path: Path) -> None:
    """With another one the private keys in the table could not be read, and a new one would be made."""
    with Data(tmp_path) as first:
        key_id = find_key(first, sam.REGION, is_embedded=True)
    with Data(tmp_path) as again:
        assert find_key(again, sam.REGION, is_embedded=True) == key_id
        (tmp_path / data.KMS).unlink()
        with pytest.raises(StartError, match=rf"the KMS key is {key_id}, and kms.json has .*FRESH=1"):
            find_key(again, sam.REGION, is_embedded=True)


def test_a_table_of_other_keys_is_not_taken_for_the_one_that_was_kept(kept: Kept) -> None:
    """The message says which is which, and what to do."""
    kept.end()
    said = r"of the table and keys .*\"pk\", \"sk\".*\"other\".*FRESH=1"
    with Data(kept.folder) as again, pytest.raises(StartError, match=said):
        WriteThrough(again).load_items(kept.name, ("pk", "other"))


def test_who_comes_second_hears_where_the_first_one_is(tmp_path: Path) -> None:
    """One sentence, with the process, the address, and how to have both; and nothing was touched."""
    with Data(tmp_path) as first:
        first.note("a", "1")
        first.say_where("http://127.0.0.1:3000")
        said = rf"at http://127\.0\.0\.1:3000 \(process {os.getpid()}\).* DATA=.* PORT="
        for environ in ({}, {"FRESH": "1"}):
            with pytest.raises(StartError, match=said):
                open_data(environ, tmp_path)
        assert first.find("a") == "1"
    with Data(tmp_path) as again:
        assert again.find("a") == "1"


def test_a_process_that_was_killed_leaves_no_lock(tmp_path: Path) -> None:
    """What it had committed is there, though it closed nothing."""
    program = (
        "import os, signal, sys; from pathlib import Path; from local.data import Data;"
        "Data(Path(sys.argv[1])).note('a', '1'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(command, cwd=Path(__file__).parents[3], check=False)  # noqa: S603 - our own program
    with Data(tmp_path) as again:
        assert again.find("a") == "1"


def test_fresh_forgets_what_was_kept_and_nothing_else(tmp_path: Path) -> None:
    """Who has a file of his own in the folder still has it."""
    (tmp_path / "mine.txt").write_text("mine")
    for name in data.MADE_ANEW[3:]:
        (tmp_path / name).write_text("{}")
    with Data(tmp_path) as before:
        before.note("a", "1")
    with open_data({"FRESH": "1"}, tmp_path) as fresh:
        assert fresh.find("a") is None
    with open_data({"FRESH": "0"}, tmp_path) as after:
        assert after.find("a") is None
    assert not [name for name in data.MADE_ANEW[3:] if (tmp_path / name).exists()]
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_fresh_is_refused_where_the_table_is_somebody_else_s(tmp_path: Path) -> None:
    """Its private keys would be lost with the KMS key that goes."""
    with pytest.raises(StartError, match="AWS_ENDPOINT_URL_DYNAMODB"):
        open_data({"FRESH": "1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}, tmp_path)


def other_format(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def other_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (other_format, r"another version of Signet \(format 99; this one reads 1\)"),
        (other_program, r"is no data of `make run`"),
        (lambda path: path.write_bytes(b"not SQLite's" * 100), r"is damaged \(file is not a database\)"),
        (lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192), r"is damaged \("),
    ],
)
def test_data_that_cannot_be_read_are_left_alone_and_said_what_to_do_with(
    spoil: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    """Which file, what is wrong, and both ways on."""
    with Data(tmp_path) as before:
        before.note("a", "1")
    path = tmp_path / data.FILE
    spoil(path)
    content = path.read_bytes()
    with pytest.raises(StartError, match=rf"{data.FILE} .*{said}.* FRESH=1.* DATA="):
        Data(tmp_path)
    assert path.read_bytes() == content
    with Data(tmp_path, fresh=True) as fresh:
        assert fresh.find("a") is None


def test_mails_go_with_the_data_and_nothing_else_does(tmp_path: Path) -> None:
    """They have codes of users who are gone; what somebody else has put beside them stays."""
    folder = tmp_path / data.MAILS
    folder.mkdir()
    for name in ("1-logIn.eml", "notes.txt"):
        (folder / name).write_text("")
    with Data(tmp_path):
        assert len(list(folder.iterdir())) == 2
    with Data(tmp_path, fresh=True):
        assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """Such as one whose name a file has."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"file cannot hold the data \(.*DATA="):
        Data(tmp_path / "file")


@pytest.mark.parametrize("content", ["", "[]", '{"id": "a"}', '{"id": "a", "material": "?"}'])
def test_a_kms_key_that_cannot_be_read_is_said(content: str, tmp_path: Path) -> None:
    """Which file, and what to do."""
    kept = tmp_path / data.KMS
    kept.write_text(content)
    with pytest.raises(StartError, match=r"kms.json is damaged.* FRESH=1"):
        aws.create_key("us-east-1", kept)
