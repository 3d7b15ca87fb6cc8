"""A TCP relay that holds back what clients send: `python delay.py LISTEN_PORT TARGET_PORT SECONDS`.

On loopback a request costs processor time only. Between a CI runner and S3 it also costs some 30 ms of wait,
which is what tools differ in: how many requests they make, and how many at once.
"""

from __future__ import annotations

import asyncio
import sys


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass bytes on, each chunk `delay` seconds late."""
    while chunk := await reader.read(1 << 16):
        if delay:
            await asyncio.sleep(delay)
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def serve(listen: int, target: int, delay: float) -> None:
    """Accept connections until the process ends; only the way to the server is slow."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", target)
        ways = (relay(reader, upstream_writer, delay), relay(upstream_reader, writer, 0.0))
        await asyncio.gather(*ways, return_exceptions=True)

    server = await asyncio.start_server(connect, "127.0.0.1", listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
