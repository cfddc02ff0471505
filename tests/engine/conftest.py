"""A real server of objects on a free port, with one bucket in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

BUCKET = "media"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server that was started for this, and that ``s3://`` leads to."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'zhenwei[objects]'")
    server_module = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[s3,server]'")
    with pytest.MonkeyPatch.context() as patch:
        server = server_module.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        address = "http://{}:{}".format(*server.get_host_and_port())
        for name, value in (
            ("AWS_ENDPOINT_URL", address),
            ("AWS_ACCESS_KEY_ID", "somebody"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir(BUCKET)
        try:
            yield address
        finally:
            server.stop()


@pytest.fixture
def bucket(s3_server: str) -> str:
    """The URL of a bucket with nothing in it."""
    import s3fs

    files = s3fs.S3FileSystem()
    for found in files.find(BUCKET):
        files.rm(found)
    files.invalidate_cache()
    return f"s3://{BUCKET}"
