"""Encoding of rows in bounded memory: libvips runs in a thread and reads an uncompressed PNG stream.

An uncompressed PNG is the simplest stream that libvips reads sequentially for all our pixel formats. It costs a copy
and a checksum, but no temporary file as large as the picture.
"""

import queue
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyvips

from regrow.io.containers import PNG_SIGNATURE, png_chunk

BLOCK_BYTES = 2**21
"""Rows are passed on in blocks of about this many bytes."""


class _Pipe:
    """Bytes from the thread that writes rows to the thread that encodes them, a few blocks at a time."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes] = queue.Queue(maxsize=2)
        self._rest = memoryview(b"")
        self._ended = False
        self.broken = threading.Event()

    def put(self, block: bytes) -> None:
        """Pass a block on; b"" ends the stream. Returns at once when the encoder has stopped."""
        while not self.broken.is_set():
            try:
                self._blocks.put(block, timeout=0.1)
                break
            except queue.Full:
                continue

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end and afterwards."""
        if not self._rest and not self._ended:
            self._rest = memoryview(self._blocks.get())
            self._ended = not self._rest
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)


class Encoder:
    """Runs `save(image)` in a thread while rows arrive; `image` is sequential and can be read once, downwards.

    Rows are (n, width, bands), uint8 when `depth` is 8 and uint16 when 16; bands 1 to 4, the even ones with alpha.
    """

    def __init__(
        self, save: Callable[[pyvips.Image], None], *, width: int, height: int, bands: int, depth: int
    ) -> None:
        self._save = save
        self._row_bytes = width * bands * depth // 8
        self._pipe = _Pipe()
        self._packer = zlib.compressobj(0)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="regrow encoder", daemon=True)
        self._thread.start()
        kind = {1: 0, 2: 4, 3: 2, 4: 6}[bands]
        header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
        self._pipe.put(PNG_SIGNATURE + png_chunk(b"IHDR", header))

    def _run(self) -> None:
        try:
            source = pyvips.SourceCustom()
            source.on_read(self._pipe.read)
            self._save(pyvips.Image.pngload_source(source, access="sequential", fail_on="error"))
        except BaseException as error:
            self._failure = error
        finally:
            self._pipe.broken.set()

    def write(self, rows: "np.ndarray[Any, Any]") -> None:
        """Append rows. Raises what `save` raised, if it has failed."""
        step = max(1, BLOCK_BYTES // self._row_bytes)
        for top in range(0, len(rows), step):
            if self._pipe.broken.is_set():
                self._join()
            block = rows[top : top + step]
            wire = np.ascontiguousarray(block.astype(">u2") if block.dtype == np.uint16 else block).view(np.uint8)
            filtered = np.zeros((len(block), 1 + self._row_bytes), np.uint8)
            filtered[:, 1:] = wire.reshape(len(block), -1)
            self._pipe.put(png_chunk(b"IDAT", self._packer.compress(filtered.data)))

    def finish(self) -> None:
        """Wait for the end of `save`, after the last row. Raises what it raised."""
        self._pipe.put(png_chunk(b"IDAT", self._packer.flush()) + png_chunk(b"IEND", b""))
        self._pipe.put(b"")
        self._join()

    def _join(self) -> None:
        self._thread.join()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End the thread, finished or not: a stream that ends too early makes `save` fail."""
        self._pipe.put(b"")
        self._thread.join()
