"""Feed the compiled Arrow module what a broken or hostile server could send.

    python tools/fuzz_arrow_wire.py [STREAMS] [SEED]

Each stream is a random batch of every layout, encoded, then damaged at random, and fed in random pieces: as a binary
COPY and as results of `record_send`. It must be refused with a WireError or give a batch that is valid to the last
value; undamaged it must give the batch it came from. Offline; prints counts, exits with 1 at the first failure.
Run it with a module built with `CFLAGS='-fsanitize=address,undefined'` to see reads that happen to do no harm.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlspec.postgres.arrow._wire import Decoder, Encoder, WireError
from sqlspec.postgres.arrow.wire import Kind, WireType

TEXTS = ("", "a", "ä€😀", "\x01", "NULL", "x" * 70, "line\nline", "{}", "longer than eight bytes é")
EPOCH = dt.datetime(1970, 1, 1)
TIMES = (dt.datetime(1, 1, 1), EPOCH, dt.datetime(1999, 12, 31, 23, 59, 59, 999999), dt.datetime(9999, 12, 31))


class Column(NamedTuple):
    """A layout, and how to make values of it."""

    type: pa.DataType
    wire: WireType
    make: Callable[[Random], Any]


def integers(bits: int, *, signed: bool = True) -> Callable[[Random], int]:
    """Make integers of every size up to so many bits."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def make(rng: Random) -> int:
        small = rng.getrandbits(rng.randint(0, bits))
        return rng.choice((low, high, 0, 1, max(low, -1), min(small, high), max(low, -small)))

    return make


def floats(rng: Random) -> float:
    """Make a number that even half precision has exactly; infinities too."""
    return rng.choice(
        (0.0, -0.0, 1.5, -2.0, 65504.0, 2.0**-14, float("inf"), float("-inf"), rng.randint(-999, 999) / 4)
    )


def scalar_columns(rng: Random) -> list[Column]:
    """List every layout that has no parts, some with random parameters."""
    width = rng.randint(1, 20)
    span = rng.randint(1, 5)
    microseconds = integers(50)
    text = rng.choice((pa.string(), pa.large_string()))
    binary = rng.choice((pa.binary(), pa.large_binary()))
    return [
        Column(pa.bool_(), WireType(Kind.BOOL, 16), lambda rng: rng.random() < 0.5),
        Column(pa.int16(), WireType(Kind.INT2, 21), integers(16)),
        Column(pa.int32(), WireType(Kind.INT4, 23), integers(32)),
        Column(pa.uint32(), WireType(Kind.INT4, 26), integers(32, signed=False)),
        Column(pa.float32(), WireType(Kind.INT4, 700), floats),
        Column(pa.int64(), WireType(Kind.INT8, 20), integers(64)),
        Column(pa.uint64(), WireType(Kind.INT8, 5069), integers(64, signed=False)),
        Column(pa.float64(), WireType(Kind.INT8, 701), floats),
        Column(pa.date32(), WireType(Kind.DATE, 1082), lambda rng: rng.choice((*TIMES,)).date()),
        Column(pa.time64("us"), WireType(Kind.TIME, 1083), lambda rng: rng.choice((dt.time(0), dt.time.max))),
        Column(pa.timestamp("us"), WireType(Kind.TIMESTAMP, 1114), lambda rng: rng.choice(TIMES)),
        Column(pa.timestamp("us", "UTC"), WireType(Kind.TIMESTAMP, 1184), microseconds),
        Column(
            pa.month_day_nano_interval(),
            WireType(Kind.INTERVAL, 1186),
            lambda rng: (rng.randint(-9, 9), rng.randint(-40, 40), microseconds(rng) * 1000),
        ),
        Column(pa.binary(16), WireType(Kind.FIXED, 2950, 16), lambda rng: rng.randbytes(16)),
        Column(pa.binary(width), WireType(Kind.FIXED, 1042, width), lambda rng: rng.randbytes(width)),
        Column(text, WireType(Kind.BYTES, 25), lambda rng: rng.choice(TEXTS)),
        Column(binary, WireType(Kind.BYTES, 17), lambda rng: rng.randbytes(rng.randint(0, 40))),
        Column(text, WireType(Kind.JSONB, 3802), lambda rng: rng.choice(TEXTS)),
        decimal_column(rng),
        Column(
            pa.list_(pa.float32(), span),
            WireType(Kind.VECTOR, 20000, span),
            lambda rng: [floats(rng) for _ in range(span)],
        ),
        Column(
            pa.list_(pa.float16()),
            WireType(Kind.HALFVEC, 20001),
            lambda rng: [floats(rng) for _ in range(rng.randint(0, 5))],
        ),
    ]


def decimal_column(rng: Random) -> Column:
    """Choose a precision and scale; the scale may be negative, as far as pyarrow can make such values."""
    width, most = rng.choice(((16, 38), (32, 76)))
    precision = rng.randint(1, most)
    scale = rng.randint(max(precision - most, -20), precision)
    make = pa.decimal128 if width == 16 else pa.decimal256

    def value(rng: Random) -> Decimal:
        digits = rng.randint(0, precision)
        number = rng.choice((10**digits - 1, 10 ** max(digits - 1, 0), rng.randrange(10**digits)))
        return Decimal(f"{rng.choice(('', '-'))}{number}e{-scale}")

    return Column(make(precision, scale), WireType(Kind.NUMERIC, 1700, width, precision, scale), value)


def random_column(rng: Random, depth: int = 0) -> Column:
    """Choose a layout; lists and structs hold others."""
    choice = rng.random()
    if depth == 3 or choice < 0.7:
        return rng.choice(scalar_columns(rng))
    if choice < 0.85:
        part = random_column(rng, depth + 1)
        make = rng.choice((pa.list_, pa.large_list))
        return Column(
            make(part.type),
            WireType(Kind.LIST, 20002, children=(part.wire,)),
            lambda rng: random_values(rng, part, rng.choice((0, 1, 2, 9))),
        )
    parts = [random_column(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return Column(
        pa.struct([(f"f{i}", part.type) for i, part in enumerate(parts)]),
        WireType(Kind.STRUCT, 20003, children=tuple(part.wire for part in parts)),
        lambda rng: {f"f{i}": random_values(rng, part, 1)[0] for i, part in enumerate(parts)},
    )


def random_values(rng: Random, column: Column, count: int, nulls: float = 0.2) -> list[Any]:
    """Make values, some of them NULL."""
    return [None if rng.random() < nulls else column.make(rng) for _ in range(count)]


def random_batch(rng: Random, columns: int = 4, rows: int = 12) -> tuple[pa.RecordBatch, tuple[WireType, ...]]:
    """Make a batch, often the slice of a larger one, and its layouts."""
    kinds = [random_column(rng) for _ in range(rng.randint(1, columns))]
    count = rng.randint(0, rows)
    before, behind = rng.choice((0, 0, 1, 8, 13)), rng.choice((0, 5))
    nulls = rng.choice((0.0, 0.2, 1.0))
    arrays = [pa.array(random_values(rng, kind, before + count + behind, nulls), kind.type) for kind in kinds]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(kinds))])
    return batch.slice(before, count), tuple(kind.wire for kind in kinds)


def stream_of(batch: pa.RecordBatch, types: tuple[WireType, ...]) -> bytes:
    """Encode a batch as a whole binary COPY."""
    return Encoder(types).encode(batch, Encoder.header()) + Encoder.trailer()


def records_of(stream: bytes, types: tuple[WireType, ...]) -> list[bytes]:
    """Rewrite the rows of a binary COPY as `record_send` gives them."""
    at, records = 19, []
    while stream[at : at + 2] != b"\xff\xff":
        at += 2
        record = [len(types).to_bytes(4, "big")]
        for type_ in types:
            size = max(int.from_bytes(stream[at : at + 4], "big", signed=True), 0)
            record += (type_.oid.to_bytes(4, "big"), stream[at : at + 4 + size])
            at += 4 + size
        records.append(b"".join(record))
    return records


def damaged(rng: Random, data: bytes) -> bytes:
    """Change a few places."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randint(0, len(out))
        change = rng.randrange(6)
        if change == 0:
            out[at : at + 1] = bytes(byte ^ 1 << rng.randrange(8) for byte in out[at : at + 1])
        elif change == 1:
            extreme = rng.choice(
                (0, 1, 4, -1, -2, 1 << 16, (1 << 31) - 1, -1 << 31, (1 << 30) + 7, rng.randint(-99, 99))
            )
            out[at : at + 4] = extreme.to_bytes(4, "big", signed=True)
        elif change == 2:
            del out[at:]
        elif change == 3:
            del out[at : at + rng.randint(1, 9)]
        elif change == 4:
            out[at:at] = rng.randbytes(rng.randint(1, 9))
        else:
            other = rng.randint(0, len(out))
            out[at:at] = out[other : other + rng.randint(1, 60)]
    return bytes(out)


def pieces(rng: Random, data: bytes) -> Iterator[bytes]:
    """Cut anywhere."""
    most = rng.choice((1, 3, 20, 1 << 20))
    at = 0
    while at < len(data):
        size = rng.randint(1, most)
        yield data[at : at + size]
        at += size


def check(rng: Random) -> str:
    """Make one stream, damage it, decode it, and say what came of it."""
    batch, types = random_batch(rng)
    stream = stream_of(batch, types)
    sound = rng.random() < 0.1
    records = records_of(stream, types) if rng.random() < 0.3 else None
    decoder = Decoder(batch.schema, types, infinity=rng.randrange(3), nan=rng.randrange(2))
    refused = False
    try:
        if records is not None:
            decoder.feed_records([record if sound else damaged(rng, record) for record in records])
        else:
            for piece in pieces(rng, stream if sound else damaged(rng, stream)):
                decoder.feed(piece)
    except WireError:
        refused = True
    result = decoder.batch()
    result.validate(full=True)
    if sound:
        assert not refused
        assert result.equals(batch)
    return "refused" if refused else "equal" if sound else "decoded"


def main(count: int = 10_000, seed: int = 1) -> int:
    """Check so many streams; each has a seed of its own, printed when it fails."""
    counts: Counter[str] = Counter()
    for number in range(seed, seed + count):
        try:
            counts[check(Random(number))] += 1
        except BaseException:
            print(f"seed {number}: python tools/fuzz_arrow_wire.py 1 {number}")
            raise
    print(", ".join(f"{what} {times}" for what, times in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
