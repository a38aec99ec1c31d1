"""Lines of a file that comes in blocks: whatever the blocks, the same lines."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from signet.usecases.importing import MAX_LINE_BYTES, Line, split_lines

PIECES = st.sampled_from([b"\n", b"\r\n", b"\r", b"{}", b"a" * 7, b"a" * (MAX_LINE_BYTES // 2), b"\xff"])


def naive(content: bytes) -> list[Line]:
    """The same of a whole file in memory."""
    found, end = [], 0
    for number, raw in enumerate(content.split(b"\n"), 1):
        end += len(raw) + 1
        text = raw.removesuffix(b"\r")
        found.append(Line(number, end, text if len(text) <= MAX_LINE_BYTES else None))
    last = found.pop()
    return found if last.text == b"" and not content.endswith(b"\r") else [*found, _without_end(last)]


def _without_end(line: Line) -> Line:
    return Line(line.number, line.end - 1, line.text)


@given(st.lists(PIECES, max_size=20).map(b"".join), st.integers(1, 100_000))
def test_blocks_do_not_show(content: bytes, size: int) -> None:
    """Numbers, ends and texts are those of the file, however it is cut."""
    blocks = (content[place : place + size] for place in range(0, len(content), size))
    assert list(split_lines(blocks)) == naive(content)


@given(st.lists(PIECES, max_size=20).map(b"".join), st.integers(0, 10))
def test_a_file_can_be_taken_up_at_the_end_of_any_line(content: bytes, number: int) -> None:
    """What comes behind a line's end is what would have come."""
    whole = list(split_lines([content]))
    behind = whole[min(number, len(whole)) - 1] if whole and number else Line(0, 0, b"")
    rest = split_lines([content[behind.end :]], behind.end, behind.number)
    assert list(rest) == whole[behind.number :]


def test_a_line_without_end_is_not_kept() -> None:
    """A file that is one line of any length needs no more memory than a block and a line."""

    def blocks() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 100_000

    (line,) = split_lines(blocks())
    assert line == Line(1, 100_000_000, None)
