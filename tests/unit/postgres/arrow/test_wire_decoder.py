"""What the decoder makes of single values, and what it refuses."""

from __future__ import annotations

import ctypes
import pickle
import struct
import threading
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.postgres.arrow._wire import Decoder, Encoder, WireError
from sqlspec.postgres.arrow.wire import Kind, WireType

INT = WireType(Kind.INT4, 23)
TEXT = WireType(Kind.BYTES, 25)
MOST = (1 << 63) - 1


def row(*values: bytes | None) -> bytes:
    fields = (struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value for value in values)
    return struct.pack(">h", len(values)) + b"".join(fields)


def decode(type_: pa.DataType, wire: WireType, *values: bytes | None, **policies: int) -> list[Any]:
    """Decode values of one column; the first in a row of its own, so that an error is in row 1."""
    decoder = Decoder(pa.schema({"c": type_}), [wire], **policies)
    decoder.feed(Encoder.header() + row(None) + b"".join(row(value) for value in values) + Encoder.trailer())
    batch = decoder.batch()
    batch.validate(full=True)
    return batch.column(0)[1:]


def refusal(type_: pa.DataType, wire: WireType, value: bytes, **policies: int) -> str:
    with pytest.raises(WireError) as caught:
        decode(type_, wire, value, **policies)
    assert (caught.value.column, caught.value.row) == (0, 1)
    return caught.value.reason


def numeric(text: str) -> bytes:
    """Pack a decimal as PostgreSQL does."""
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    shown = max(-exponent, 0)
    number = int("".join(map(str, digits))) * 10 ** (max(exponent, 0) + (-shown) % 4)
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10000)
        groups.insert(0, group)
    weight = len(groups) - 1 - (shown + 3) // 4
    while groups and groups[-1] == 0:
        groups.pop()
    head = struct.pack(">HhHH", len(groups), weight if groups else 0, 0x4000 * sign, shown)
    return head + struct.pack(f">{len(groups)}H", *groups)


def array(oid: int, *values: bytes | None) -> bytes:
    return struct.pack(">iiIii", 1, 0, oid, len(values), 1) + row(*values)[2:]


def decimal(precision: int, scale: int) -> tuple[pa.DataType, WireType]:
    make = pa.decimal128 if precision <= 38 else pa.decimal256
    return make(precision, scale), WireType(Kind.NUMERIC, 1700, 16 if precision <= 38 else 32, precision, scale)


NUMBERS = (
    "0", "0.00", "1", "-1", "10", "9999", "10000", "10001", "99990000", "0.1", "-0.0001", "0.00010", "1.5", "100.0100",
    "12345678901234567890.123456789", "-99999999999999999999999999999999999.999", "1" + "0" * 40, "0." + "0" * 39 + "7",
    "1234.5678", "12345.00001", "0.10000001",
)  # fmt: skip


@pytest.mark.parametrize("text", NUMBERS)
def test_a_numeric_is_exact(text: str) -> None:
    (plain,) = decode(pa.string(), WireType(Kind.NUMERIC_TEXT), numeric(text))
    assert plain.as_py() == text
    shown = len(text.partition(".")[2])
    for scale in {shown, 35} if shown <= 35 else {shown}:
        (value,) = decode(*decimal(76, scale), numeric(text))
        assert value.as_py() == Decimal(text)


@pytest.mark.parametrize(
    ("text", "precision", "scale", "value"),
    [
        ("1.5", 2, 1, "1.5"),
        ("1.5000", 2, 1, "1.5"),
        ("99", 2, 0, "99"),
        ("12000", 2, -3, "12000"),
        ("0.0012", 2, 4, "0.0012"),
        ("9" * 38, 38, 0, "9" * 38),
        ("-" + "9" * 76, 76, 0, "-" + "9" * 76),
    ],
)
def test_a_numeric_fits_its_column(text: str, precision: int, scale: int, value: str) -> None:
    (result,) = decode(*decimal(precision, scale), numeric(text))
    assert result.as_py() == Decimal(value)


@pytest.mark.parametrize(
    ("text", "precision", "scale", "reason"),
    [
        ("1.55", 5, 1, "a numeric has more digits behind the point than its column"),
        ("0.00000001", 5, 1, "a numeric has more digits behind the point than its column"),
        ("12100", 5, -3, "a numeric has more digits behind the point than its column"),
        ("100", 2, 0, "a value is out of range"),
        ("10.0", 2, 1, "a value is out of range"),
        ("1" + "0" * 38, 38, 0, "a value is out of range"),
        ("1" + "0" * 76, 76, 0, "a value is out of range"),
        ("1e9000", 76, 0, "a value is out of range"),
    ],
)
def test_a_numeric_that_does_not_fit(text: str, precision: int, scale: int, reason: str) -> None:
    assert refusal(*decimal(precision, scale), numeric(text)) == reason


@pytest.mark.parametrize(
    "value",
    [
        b"", b"\0" * 7, b"\0" * 9, struct.pack(">HhHHH", 1, 0, 0, 0, 10000), struct.pack(">HhHHH", 1, 0, 0x1000, 0, 1),
        struct.pack(">HhHHH", 2, 0, 0, 0, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("target", [decimal(10, 2), (pa.string(), WireType(Kind.NUMERIC_TEXT))])
def test_a_malformed_numeric(target: tuple[pa.DataType, WireType], value: bytes) -> None:
    assert refusal(*target, value) == "a value is malformed or has another length than its type"


@pytest.mark.parametrize(("sign", "text"), [(0xC000, "NaN"), (0xD000, "Infinity"), (0xF000, "-Infinity")])
def test_numerics_that_are_no_numbers(sign: int, text: str) -> None:
    value = struct.pack(">HhHH", 0, 0, sign, 0)
    assert refusal(*decimal(5, 2), value) == "NaN or infinity in a numeric"
    assert decode(*decimal(5, 2), value, nan=1).to_pylist() == [None]  # type: ignore[attr-defined]
    assert decode(pa.string(), WireType(Kind.NUMERIC_TEXT), value)[0].as_py() == text


def test_a_short_numeric_cannot_ask_for_much_text() -> None:
    """Digits far before the point are written out, and so are limited as any text is."""
    far = struct.pack(">HhHHH", 1, 32767, 0, 16383, 1)
    (value,) = decode(pa.string(), WireType(Kind.NUMERIC_TEXT), far)
    assert value.as_py() == "1" + "0" * (4 * 32767) + "." + "0" * 16383
    assert decode(pa.string(), WireType(Kind.NUMERIC_TEXT), struct.pack(">HhHH", 0, 32767, 0, 0))[0].as_py() == "0"


TIMESTAMP = pa.timestamp("us", "UTC"), WireType(Kind.TIMESTAMP, 1184)
DATE = pa.date32(), WireType(Kind.DATE, 1082)
INTERVAL = pa.month_day_nano_interval(), WireType(Kind.INTERVAL, 1186)
INFINITIES = [
    (*TIMESTAMP, ">q", (MOST,), (-MOST - 1,)),
    (*DATE, ">i", (2**31 - 1,), (-(2**31),)),
    (*INTERVAL, ">qii", (MOST, 2**31 - 1, 2**31 - 1), (-MOST - 1, -(2**31), -(2**31))),
]


@pytest.mark.parametrize(("type_", "wire", "form", "high", "low"), INFINITIES)
def test_infinity(type_: pa.DataType, wire: WireType, form: str, high: Sequence[int], low: Sequence[int]) -> None:
    values = [struct.pack(form, *high), struct.pack(form, *low)]
    for value in values:
        assert refusal(type_, wire, value) == "infinity has no place in the Arrow type"
    assert decode(type_, wire, *values, infinity=1).null_count == 2  # type: ignore[attr-defined]
    extremes = decode(type_, wire, *values, infinity=2)
    assert extremes.null_count == 0  # type: ignore[attr-defined]
    buffer = extremes.buffers()[1]  # type: ignore[attr-defined]
    width = type_.bit_width // 8
    pattern = {">q": "<q", ">i": "<i", ">qii": "<iiq"}[form]
    order = slice(None, None, -1) if form == ">qii" else slice(None)
    assert struct.unpack_from(pattern, buffer, width) == tuple(high[order])
    assert struct.unpack_from(pattern, buffer, 2 * width) == tuple(low[order])


@pytest.mark.parametrize(
    ("type_", "wire", "value"),
    [
        (*TIMESTAMP, struct.pack(">q", 9223371331199999999)),
        (*DATE, struct.pack(">i", 2**31 - 2)),
        (*INTERVAL, struct.pack(">qii", MOST - 1, 0, 0)),
        (pa.time64("us"), WireType(Kind.TIME, 1083), struct.pack(">q", 86_400_000_000)),
        (pa.time64("us"), WireType(Kind.TIME, 1083), struct.pack(">q", -1)),
    ],
)
def test_values_that_only_postgresql_has(type_: pa.DataType, wire: WireType, value: bytes) -> None:
    assert refusal(type_, wire, value, infinity=2) == "a value is out of range"


@pytest.mark.parametrize(
    "text",
    [b"\x80", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5", b"\xc3",
     b"seven..\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"12345678\xff", b"\xc3\x28", b"\xe2\x28\xa1"],
)  # fmt: skip
def test_text_is_utf8(text: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        text.decode()
    assert refusal(pa.string(), TEXT, text) == "text is not UTF-8"
    assert decode(pa.binary(), TEXT, text)[0].as_py() == text


def test_every_character() -> None:
    text = "".join(chr(code) for code in range(1, 0x110000, 7) if not 0xD800 <= code < 0xE000)
    assert decode(pa.string(), TEXT, text.encode())[0].as_py() == text


def test_jsonb_has_a_version() -> None:
    wire = WireType(Kind.JSONB, 3802)
    assert decode(pa.string(), wire, b"\1{}")[0].as_py() == "{}"
    for value in (b"", b"\2{}"):
        assert refusal(pa.string(), wire, value) == "unknown version of the jsonb format"


LIST = pa.list_(pa.int32()), WireType(Kind.LIST, 1007, children=(INT,))
ONE = b"\0\0\0\1"
MALFORMED = "a value is malformed or has another length than its type"
OTHER = "an array or composite holds another type than described"


def test_arrays() -> None:
    empty = struct.pack(">iiI", 0, 0, 23)
    values = decode(*LIST, array(23, ONE, None), empty, array(23, ONE), array(99_999, ONE))
    assert values.to_pylist() == [[1, None], [], [1], [1]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("dimensions", range(2, 7))
def test_arrays_of_more_dimensions(dimensions: int) -> None:
    value = struct.pack(">iiI", dimensions, 0, 23) + struct.pack(">ii", 1, 1) * dimensions + row(ONE)[2:]
    assert refusal(*LIST, value) == f"array of {dimensions} dimensions"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (array(25, ONE), OTHER),
        (struct.pack(">iiI", 0, 0, 20), OTHER),
        (array(23, ONE)[:-1], MALFORMED),
        (array(23, ONE) + b"\0", MALFORMED),
        (struct.pack(">iiI", 0, 0, 23) + b"\0", MALFORMED),
        (struct.pack(">iiI", 7, 0, 23) + bytes(60), MALFORMED),
        (struct.pack(">iiI", -1, 0, 23) + bytes(60), MALFORMED),
        (struct.pack(">iiIii", 1, 0, 23, 2**31 - 1, 1), MALFORMED),
        (struct.pack(">iiIii", 1, 0, 23, -1, 1), MALFORMED),
        (struct.pack(">iiIiii", 1, 0, 23, 1, 1, -2), MALFORMED),
        (struct.pack(">iiIiii", 1, 0, 23, 1, 1, 4), MALFORMED),
        (b"\0" * 11, MALFORMED),
        (array(23, b"\0"), MALFORMED),
    ],
)
def test_malformed_arrays(value: bytes, reason: str) -> None:
    assert refusal(*LIST, value) == reason


def test_composites() -> None:
    type_ = pa.struct({"a": pa.int32(), "b": pa.list_(pa.int32())})
    wire = WireType(Kind.STRUCT, 0, children=(INT, LIST[1]))
    head = struct.pack(">iIi", 2, 23, 4) + ONE
    good = head + struct.pack(">Ii", 1007, -1)
    assert decode(type_, wire, good)[0].as_py() == {"a": 1, "b": None}
    assert refusal(type_, wire, good[:-1]) == MALFORMED
    assert refusal(type_, wire, good + b"\0") == MALFORMED
    assert refusal(type_, wire, head + struct.pack(">Ii", 1009, -1)) == OTHER
    assert refusal(type_, wire, head + struct.pack(">Ii", 1007, -2)) == MALFORMED
    assert refusal(type_, wire, struct.pack(">i", 3) + good[4:]).endswith("another number of fields than described")


def test_vectors() -> None:
    value = struct.pack(">hhff", 2, 0, 1.5, -2)
    fixed = pa.list_(pa.float32(), 2), WireType(Kind.VECTOR, width=2)
    free = pa.list_(pa.float32()), WireType(Kind.VECTOR)
    half = pa.list_(pa.float16()), WireType(Kind.HALFVEC)
    for target in (fixed, free):
        assert decode(*target, value, None, value).to_pylist() == [[1.5, -2], None, [1.5, -2]]  # type: ignore[attr-defined]
        for bad in (b"", value[:-1], value + b"\0", b"\xff\xff" + value[2:]):
            assert refusal(*target, bad) == MALFORMED
    assert decode(*half, struct.pack(">hhee", 2, 0, 1.5, -2))[0].as_py() == [1.5, -2]
    assert refusal(pa.list_(pa.float32(), 3), WireType(Kind.VECTOR, width=3), value).endswith("number of elements")


@pytest.mark.parametrize("size", [0, 3, 5])
def test_the_length_of_a_value_must_be_its_types(size: int) -> None:
    assert refusal(pa.int32(), INT, bytes(size)) == MALFORMED


def decoder_of(count: int = 2) -> Decoder:
    return Decoder(pa.schema({f"c{i}": pa.int32() for i in range(count)}), [INT] * count)


HEAD = Encoder.header()


@pytest.mark.parametrize(
    ("stream", "reason", "column", "at"),
    [
        (b"PGCOPX" + HEAD[6:], "the bytes are no binary COPY stream", -1, 0),
        (HEAD[:11] + b"\0\1\0\0" + HEAD[15:], "the bytes are no binary COPY stream", -1, 0),
        (HEAD[:15] + b"\xff\xff\xff\xff", "the bytes are no binary COPY stream", -1, 0),
        (HEAD + row(ONE), "a row or composite has another number of fields than described", -1, 0),
        (HEAD + row(ONE, ONE) + b"\0\3", "a row or composite has another number of fields than described", -1, 1),
        (HEAD + row(ONE, ONE) + b"\xff\xfe", "a row or composite has another number of fields than described", -1, 1),
        (HEAD + row(ONE, b"123"), MALFORMED, 1, 0),
        (HEAD + row(ONE, ONE) + b"\0\2\xff\xff\xff\xfe", MALFORMED, 0, 1),
        (HEAD + b"\xff\xff\0", "bytes follow the end of the stream", -1, 0),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_streams_that_are_none(stream: bytes, reason: str, column: int, at: int, step: int) -> None:
    decoder = decoder_of()
    with pytest.raises(WireError) as caught:
        for begin in range(0, len(stream), step):
            decoder.feed(stream[begin : begin + step])
    assert (caught.value.reason, caught.value.column, caught.value.row) == (reason, column, at)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    # It stays refused; the rows before are whole.
    with pytest.raises(WireError, match=reason):
        decoder.feed(b"")
    assert decoder.batch().num_rows == at


def test_a_header_may_have_an_extension() -> None:
    decoder = decoder_of()
    for byte in HEAD[:11] + b"\0\0\xff\xff\0\0\0\5hello" + row(ONE, None) + b"\xff\xff":
        decoder.feed(bytes([byte]))
    assert decoder.batch().to_pylist() == [{"c0": 1, "c1": None}]
    decoder.finish()


@pytest.mark.parametrize("stream", [b"", HEAD, HEAD + row(ONE, ONE), HEAD + row(ONE, ONE)[:-1], HEAD[:15] + ONE])
def test_a_stream_must_end(stream: bytes) -> None:
    decoder = decoder_of()
    decoder.feed(stream)
    with pytest.raises(WireError, match="ends within a row"):
        decoder.finish()


def test_a_row_that_fails_leaves_nothing() -> None:
    """NULLs, bits and parts of the columns before it are taken back."""
    types = [INT, WireType(Kind.BOOL, 16), LIST[1], WireType(Kind.LIST, 0, children=(LIST[1],)), INT]
    schema = pa.schema({"a": pa.int32(), "b": pa.bool_(), "c": LIST[0], "d": pa.list_(LIST[0]), "e": pa.int32()})
    good = (ONE, b"\0", array(23, ONE), array(1007, array(23, ONE), None), ONE)
    bad = (None, b"\1", array(23, None, ONE), array(1007, None, array(23, None)), b"")
    decoder = Decoder(schema, types)
    decoder.feed(HEAD + row(*good))
    with pytest.raises(WireError):
        decoder.feed(row(*bad))
    batch = decoder.batch()
    batch.validate(full=True)
    assert batch.to_pylist() == [{"a": 1, "b": False, "c": [1], "d": [[1], None], "e": 1}]
    # The same by a piece that ends there: the row is read again when it is whole.
    decoder = Decoder(schema, types)
    decoder.feed(HEAD + row(*good) + row(*bad)[:-4])
    assert decoder.rows == 1
    decoder.feed(b"\0\0\0\4" + ONE + row(*good))
    batch = decoder.batch()
    batch.validate(full=True)
    assert [column.null_count for column in batch.columns] == [1, 0, 0, 0, 0]
    assert batch.column(3).to_pylist() == [[[1], None], [None, [None]], [[1], None]]


def test_row_numbers_go_on_over_batches() -> None:
    decoder = decoder_of(1)
    decoder.feed(HEAD + row(ONE) * 3)
    decoder.batch()
    with pytest.raises(WireError) as caught:
        decoder.feed(row(ONE) + row(b""))
    assert caught.value.row == 4
    assert str(caught.value) == f"{MALFORMED} (column 0, row 4)"


@pytest.mark.parametrize("record", [b"\0\0\0\1", b"\0\0", struct.pack(">iIi", 1, 23, 4) + ONE[:3]])
def test_records_are_whole(record: bytes) -> None:
    decoder = decoder_of(1)
    with pytest.raises(WireError, match="ends within a row"):
        decoder.feed_records([record])
    assert decoder.rows == 0


MISFITS = [
    (pa.int64(), INT, "INT4 does not go with Arrow format 'l'"),
    (pa.int32(), WireType(Kind.DATE), "DATE does not go with Arrow format 'i'"),
    (pa.timestamp("ns"), WireType(Kind.TIMESTAMP), "TIMESTAMP does not go with"),
    (pa.time32("ms"), WireType(Kind.TIME), "TIME does not go with"),
    (pa.binary(15), WireType(Kind.FIXED, width=16), "FIXED does not go with"),
    (pa.binary(), WireType(Kind.NUMERIC_TEXT), "NUMERIC_TEXT does not go with"),
    (pa.string_view(), TEXT, "BYTES does not go with"),
    (pa.decimal128(5, 2), WireType(Kind.NUMERIC, width=16, precision=5, scale=1), "NUMERIC does not go with"),
    (pa.decimal128(5, 2), WireType(Kind.NUMERIC, width=32, precision=5, scale=2), "NUMERIC does not go with"),
    (pa.list_(pa.int32(), 3), LIST[1], "LIST does not go with"),
    (pa.list_(pa.int64()), LIST[1], "INT4 does not go with"),
    (pa.list_(pa.int32()), WireType(Kind.LIST), "LIST does not go with"),
    (pa.list_(pa.float64(), 3), WireType(Kind.VECTOR, width=3), "VECTOR does not go with"),
    (pa.list_(pa.float32(), 2), WireType(Kind.VECTOR, width=3), "VECTOR does not go with"),
    (pa.struct({"a": pa.int32()}), WireType(Kind.STRUCT), "1 fields where 0 were described"),
    (pa.dictionary(pa.int32(), pa.string()), TEXT, "dictionary encoded"),
    (pa.null(), TEXT, "BYTES does not go with"),
]


@pytest.mark.parametrize(("type_", "wire", "reason"), MISFITS)
def test_the_arrow_type_must_fit(type_: pa.DataType, wire: WireType, reason: str) -> None:
    with pytest.raises(WireError, match=reason) as caught:
        Decoder(pa.schema({"good": pa.int32(), "bad": type_}), [INT, wire])
    assert caught.value.column == 1
    with pytest.raises(WireError, match=r"2 columns where 1 were described"):
        Decoder(pa.schema({"good": pa.int32(), "bad": type_}), [INT])


def test_types_nest_only_so_deep() -> None:
    type_, wire = LIST
    for _ in range(40):
        type_, wire = pa.list_(type_), WireType(Kind.LIST, children=(wire,))
    with pytest.raises(WireError, match="nested deeper than 32"):
        Decoder(pa.schema({"c": type_}), [wire])


GET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int)
CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class Libpq:
    """What libpq's three functions do, on prepared rows."""

    def __init__(self, *rows: bytes | int, arriving: Sequence[bytes | int] = ()) -> None:
        self.rows, self.arriving, self.freed, self.kept = list(rows), list(arriving), 0, dict[int, Any]()
        self.get, self.free, self.consume = GET(self._get), CALL(self._free), CALL(self._consume)

    def _get(self, connection: int, out: Any, nowait: int) -> int:
        item = self.rows.pop(0) if self.rows else 0
        assert connection == 7
        if isinstance(item, int):
            return item
        buffer = ctypes.create_string_buffer(item, len(item))
        self.kept[ctypes.addressof(buffer)] = buffer
        out[0] = ctypes.addressof(buffer)
        return len(item)

    def _free(self, pointer: int) -> int:
        del self.kept[pointer]
        return 0

    def _consume(self, connection: int) -> int:
        self.rows, self.arriving = self.arriving, []
        return int(self.rows != [-99])

    def drain(self, decoder: Decoder, size: int, *, wait: bool = True) -> int:
        get, free, consume = (ctypes.cast(f, ctypes.c_void_p).value or 0 for f in (self.get, self.free, self.consume))
        return decoder.drain(7, get, free, size, 0 if wait else consume)


def test_rows_from_libpq() -> None:
    decoder, one = decoder_of(1), row(ONE)
    libpq = Libpq(HEAD + one, one, one, b"\xff\xff", -1)
    assert libpq.drain(decoder, 30) > 0
    assert decoder.rows == 2
    assert libpq.drain(decoder, 1000) == -1
    assert decoder.batch().num_rows == 3
    decoder.finish()
    assert libpq.kept == {}


def test_rows_from_libpq_without_waiting() -> None:
    decoder, one = decoder_of(1), row(ONE)
    libpq = Libpq(HEAD + one, arriving=[one])
    assert libpq.drain(decoder, 1000, wait=False) == 0
    assert decoder.rows == 2
    libpq.rows, libpq.arriving = [one, -2], [-99]
    assert libpq.drain(decoder, 1000, wait=False) == -2
    assert libpq.drain(decoder, 1000, wait=False) == -2
    assert decoder.rows == 3


def test_errors_in_rows_from_libpq() -> None:
    decoder = decoder_of(1)
    libpq = Libpq(HEAD, row(ONE), row(b""), row(ONE))
    with pytest.raises(WireError, match="row 1"):
        libpq.drain(decoder, 1000)
    assert (decoder.rows, libpq.kept, len(libpq.rows)) == (1, {}, 1)


def test_one_thread_at_a_time() -> None:
    """The other is refused, not let into buffers that are being moved."""
    decoder = decoder_of(1)
    entered, go_on = threading.Event(), threading.Event()

    def wait(*_: Any) -> int:
        entered.set()
        go_on.wait(10)
        return -1

    get = GET(wait)
    address = ctypes.cast(get, ctypes.c_void_p).value or 0
    thread = threading.Thread(target=decoder.drain, args=(0, address, 0, 1))
    thread.start()
    entered.wait(10)
    for call in (decoder.batch, decoder.finish, lambda: decoder.feed(b"")):
        with pytest.raises(RuntimeError, match="in use by another thread"):
            call()
    go_on.set()
    thread.join()
    decoder.feed(HEAD)
