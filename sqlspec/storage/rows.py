"""CSV and JSON lines: blocks of text becoming batches whose columns hold text or JSON, and the other way round."""

from __future__ import annotations

import codecs
import csv
import io
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import csv as pacsv

from sqlspec.exceptions import DataError, ParameterError
from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.texts import text_bytes
from sqlspec.postgres.arrow.written import JsonType, TextType, wrapped
from sqlspec.storage.formats import Csv

__all__ = ("CsvReader", "JsonReader", "csv_header", "csv_text", "json_text")

BLOCK = 1 << 20
"""Bytes of text that are parsed at a time, so long as a row is not longer."""


class _Guarded(io.RawIOBase):
    """A stream with a row of our own at its end, to be seen by the parser if it is not inside a quoted value.

    Each read gives all that was asked for: the parser wants a whole row in it.
    """

    def __init__(self, stream: Any, end: bytes) -> None:
        self._stream = stream
        self._end = end
        self._held = b""
        self._last = b"\n"

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, wanted = [self._held], size - len(self._held)
        while wanted > 0 and self._end:
            data: bytes = self._stream.read(wanted)
            if data:
                self._last = data[-1:]
            else:
                data = self._end if self._last in b"\r\n" else b"\n" + self._end
                self._end = b""
            parts.append(data)
            wanted -= len(data)
        found = b"".join(parts)
        self._held = found[size:]
        return found[:size]


class _Utf8(io.RawIOBase):
    """A stream of text in another encoding, as UTF-8."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder(encoding)().decode

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while data := self._stream.read(size):
            if text := self._decode(data):
                return text.encode()
        return self._decode(b"", True).encode()


class CsvReader:
    """The rows of one CSV file.

    Attributes:
        names: Of its columns.
    """

    def __init__(self, open_file: Callable[[], Any], options: Csv, shown: str) -> None:
        """Read the names of the columns.

        Args:
            open_file: Opens the file, more than once, and undoes its compression.
            options: How it is written.
            shown: Its name for messages.

        Raises:
            DataError: It names no columns, or one twice.
        """
        self._open_file = open_file
        self._options = options
        self._shown = shown
        self._head = 0  # lines up to the one that names the columns
        if isinstance(options.header, bool):
            if not options.header:
                raise ParameterError(
                    "cannot read CSV without names of columns: pass Csv(header=[...]) with all of them"
                )
            self.names = self._header()
        else:
            self.names = list(options.header)
        if len(set(self.names)) < len(self.names):
            raise DataError(f"cannot read {shown!r}: several columns have the same name; pass Csv(header=[...])")

    @contextmanager
    def _open(self) -> Iterator[Any]:
        encoding = codecs.lookup(self._options.encoding).name
        with self._open_file() as stream:
            yield stream if encoding == "utf-8" else _Utf8(stream, encoding)

    def _header(self) -> list[str]:
        with self._open() as stream:
            # What comes behind the first line is read along, and may be no text.
            lines = io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="")
            try:
                names: list[str] = []
                rows = csv.reader(lines, delimiter=self._options.delimiter, strict=True)
                while not names:  # empty lines may come before
                    names = next(rows)
                    self._head += 1
            except StopIteration:
                raise DataError(f"cannot read {self._shown!r}: it is empty, so no columns are named in it") from None
            except (UnicodeDecodeError, csv.Error) as error:
                raise self._malformed("its first line cannot be read") from error
        if any("\udc80" <= mark <= "\udcff" for mark in "".join(names)):
            raise self._malformed(f"its first line is not {self._options.encoding}")
        return names

    def _malformed(self, fact: str) -> DataError:
        return DataError(
            f"cannot read {self._shown!r}: {fact}; see what Csv(delimiter=, encoding=, header=) say, and mend the file"
        )

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows.

        Args:
            names: The columns to take.

        Raises:
            DataError: A row has another number of values, is no text, or does not end.
        """
        block, done = BLOCK, 0
        while True:
            try:
                left = done  # what has been given before; the parser would count empty lines too
                for batch in self._attempt(names, block):
                    again = min(left, batch.num_rows)
                    left -= again
                    done += batch.num_rows - again
                    if again < batch.num_rows:
                        yield batch.slice(again)
                return
            except (pa.ArrowInvalid, UnicodeDecodeError) as error:
                if "straddl" not in str(error):
                    raise self._refused(done) from None
                block *= 8  # a row is longer: once more from the start, behind what has been given

    def _attempt(self, names: Sequence[str], block: int) -> Iterator[pa.RecordBatch]:
        options = self._options
        marker = secrets.token_hex(16).replace(options.delimiter, "_")
        self._wrong: tuple[int, int, int] | None = None
        end = options.delimiter.join([marker] + [""] * (len(self.names) - 1)) + "\n"
        first = self.names[0]
        wanted = [first, *(name for name in names if name != first)]
        ended = False
        with self._open() as stream:
            reader = pacsv.open_csv(
                pa.PythonFile(_Guarded(stream, end.encode()), mode="r"),
                read_options=pacsv.ReadOptions(
                    column_names=self.names,
                    skip_rows_after_names=self._head,
                    block_size=block,
                    use_threads=False,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=options.delimiter,
                    newlines_in_values=True,
                    # An empty line is NULL where there is but one column.
                    ignore_empty_lines=len(self.names) != 1,
                    invalid_row_handler=self._note,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    null_values=[options.null],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    include_columns=wanted,
                ),
            )
            for batch in reader:
                rows = batch.num_rows
                if rows and batch.column(0)[rows - 1].as_py() == marker:
                    ended = True
                    batch = batch.slice(0, rows - 1)
                yield pa.RecordBatch.from_arrays(
                    [wrapped(TextType(), batch.column(name)) for name in names], names=list(names)
                )
        if not ended:
            raise self._malformed("it ends inside a quoted value, so it is cut short or a quote is missing")

    def _note(self, row: Any) -> str:
        self._wrong = (row.number, row.expected_columns, row.actual_columns)
        return "error"

    def _refused(self, done: int) -> DataError:
        """Return the error for rows that are none. The parser's own message quotes them."""
        if self._wrong is not None:
            number, expected, actual = self._wrong
            return self._malformed(f"line {number} has {actual} values instead of {expected}")
        return self._malformed(f"there is text that is not {self._options.encoding}, in row {done} or behind it")


# --- JSON lines ------------------------------------------------------------------------------------------------

_LINES = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonReader:
    """The rows of one file of JSON lines.

    Attributes:
        names: The keys that it gives columns for.
    """

    def __init__(
        self, open_file: Callable[[], Any], names: Sequence[str] | None, shown: str, is_strict: bool = True
    ) -> None:
        """Read the first lines.

        Args:
            open_file: Opens the file, more than once, and undoes its compression.
            names: The keys to take; `None` for those of the first lines.
            shown: Its name for messages.
            is_strict: Refuse other keys.
        """
        self._open = open_file
        self._shown = shown
        self._is_strict = is_strict
        self.names = self._first_names() if names is None else list(names)

    def _first_names(self) -> list[str]:
        with self._open() as stream:
            lines = next(self._blocks(stream), b"")
        found: dict[str, None] = {}
        for line in filter(bytes.strip, lines.split(b"\n")):
            try:
                found.update(dict.fromkeys(_LINES.decode(line)))
            except msgspec.MsgspecError:
                if not found:
                    raise self._malformed(line, 0) from None
                break  # told when its row is read
        if not found:
            raise DataError(f"cannot read {self._shown!r}: it is empty, so it names no columns; pass columns=")
        return list(found)

    def _blocks(self, stream: Any) -> Iterator[bytes]:
        """Yield whole lines."""
        held: list[bytes] = []
        mark = codecs.BOM_UTF8
        while data := stream.read(BLOCK):
            data, mark = data.removeprefix(mark), b""
            head, newline, tail = data.rpartition(b"\n")
            if newline:
                yield b"".join([*held, head])
                held = [tail]
            else:
                held.append(data)
        if last := b"".join(held):
            yield last

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows.

        Args:
            names: The keys to take.

        Raises:
            DataError: A line is no JSON object, or has a key that the first lines lack.
        """
        known = frozenset(self.names)
        done = 0
        with self._open() as stream:
            for block in self._blocks(stream):
                try:
                    rows = _LINES.decode_lines(block)
                    arrays = [_column(rows, name) for name in names]
                except (msgspec.MsgspecError, pa.ArrowInvalid) as error:
                    raise self._malformed(block, done) from error
                if self._is_strict and not all(map(known.issuperset, rows)):
                    raise self._unknown(rows, known, done)
                done += len(rows)
                yield pa.RecordBatch.from_arrays([wrapped(JsonType(), array) for array in arrays], names=list(names))

    def _unknown(self, rows: list[Any], known: frozenset[str], done: int) -> DataError:
        row = done + next(number for number, row in enumerate(rows) if not known.issuperset(row))
        return DataError(
            f"cannot read {self._shown!r}: row {row} has a key that the first lines lack; name all columns with "
            "columns="
        )

    def _malformed(self, block: bytes, done: int) -> DataError:
        row, fact = done, "is not UTF-8"
        for line in filter(bytes.strip, block.split(b"\n")):
            try:
                line.decode()
                _LINES.decode(line)
            except msgspec.ValidationError:
                fact = "is no object"
                break
            except msgspec.DecodeError:
                fact = "is no JSON, or is cut short"
                break
            except UnicodeDecodeError:
                break
            row += 1
        return DataError(f"cannot read {self._shown!r}: row {row} {fact}; mend the file, or get it again")


def _column(rows: list[Any], name: str) -> pa.Array:
    return pa.array([bytes(row.get(name, b"null")) for row in rows], pa.string())


# --- writing -----------------------------------------------------------------------------------------------------


def csv_text(columns: Sequence[pa.Array], options: Csv) -> bytes:
    """Return rows as CSV.

    Args:
        columns: Strings.
        options: How to write them.
    """
    return _joined([_csv_values(column, options) for column in columns], options.delimiter, "\n")


def csv_header(names: Sequence[str], options: Csv) -> bytes:
    """Return the first line of a CSV file."""
    return csv_text([pa.array([name]) for name in names], options) if options.header is True else b""


def _csv_values(column: pa.Array, options: Csv) -> pa.Array:
    special = pc.match_substring_regex(column, f'["\\r\\n{re.escape(options.delimiter)}]')
    special = pc.or_(special, pc.equal(column, options.null))
    if pc.any(special).as_py():
        doubled = pc.replace_substring(column, '"', '""')
        quoted = pc.binary_join_element_wise(pa.scalar('"'), doubled, pa.scalar('"'), pa.scalar(""))
        column = pc.if_else(special, quoted, column)
    return pc.fill_null(column, options.null)


def json_text(names: Sequence[str], columns: Sequence[pa.Array]) -> bytes:
    """Return rows as JSON lines.

    Args:
        names: Of the columns.
        columns: JSON values as strings.
    """
    parts: list[Any] = []
    for number, (name, column) in enumerate(zip(names, columns, strict=True)):
        for mark in "\r\n":  # only white space between the parts of a `json` value can be one
            if pc.any(pc.match_substring(column, mark)).as_py():
                column = pc.replace_substring(column, mark, " ")
        label = msgspec.json.encode(name).decode()
        parts += [pa.scalar(("," if number else "{") + label + ":"), pc.fill_null(column, "null")]
    return _joined(parts or [pa.scalar("{")], "", "}\n")


def _joined(parts: Sequence[Any], delimiter: str, end: str) -> bytes:
    lines = pc.binary_join_element_wise(*parts, pa.scalar(delimiter))
    lines = pc.binary_join_element_wise(lines, pa.scalar(end), pa.scalar(""))
    return text_bytes(lines)
