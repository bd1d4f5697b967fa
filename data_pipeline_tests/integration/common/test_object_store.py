"""The interface to objects, over a real S3 server and over a directory: both keep the same promises."""

import threading

import pytest

from data_pipeline.common.errors import PermanentError, TransientError
from data_pipeline.common.object_store import LocalObjectStore, PreconditionFailedError, S3ObjectStore


@pytest.fixture(params=["s3", "local"])
def store(request, tmp_path):
    if request.param == "local":
        return LocalObjectStore(tmp_path)
    return request.getfixturevalue("s3_store")


def test_an_object_reads_back_whole(store, tmp_path):
    data = bytes(range(256)) * 5000
    etag = store.put("a/b.bin", data)
    assert store.get("a/b.bin") == data
    assert store.find("a/b.bin").etag == etag
    assert store.head("a/b.bin").size == len(data)
    store.download("a/b.bin", tmp_path / "copy" / "b.bin")
    assert (tmp_path / "copy" / "b.bin").read_bytes() == data


def test_what_is_not_there_is_none_or_an_error_that_names_it(store):
    assert store.find("a") is None
    assert store.head("a") is None
    store.delete("a")
    with pytest.raises(PermanentError, match="a does not exist"):
        store.get("a")


def test_create_writes_once(store):
    store.create("k", b"first")
    store.create("k", b"first")  # the same bytes: a writer whose answer got lost
    with pytest.raises(PreconditionFailedError):
        store.create("k", b"second")
    assert store.get("k") == b"first"


def test_replace_needs_the_version_that_was_seen(store):
    seen = store.put("k", b"1")
    newer = store.replace("k", b"2", seen)
    with pytest.raises(PreconditionFailedError):
        store.replace("k", b"3", seen)
    store.replace("k", b"4", newer)
    assert store.get("k") == b"4"
    with pytest.raises(PreconditionFailedError):
        store.replace("other", b"1", seen)


@pytest.mark.parametrize("verb", ["create", "replace"])
def test_of_writers_at_once_one_wins(store, verb):
    etag = store.put("k", b"old") if verb == "replace" else ""
    won = []

    def write(number):
        data = f"writer {number}".encode()
        try:
            store.create("k", data) if verb == "create" else store.replace("k", data, etag)
        except PreconditionFailedError:
            return
        won.append(data)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.get("k") == won[0]


def test_a_listing_holds_keys_below_the_prefix(store):
    for key in ("x/1", "x/2", "y/1"):
        store.put(key, key.encode())
    assert [item.key for item in store.list("x/")] == ["x/1", "x/2"]
    store.delete("x/1")
    assert [item.key for item in store.list("")] == ["x/2", "y/1"]


def test_an_address_of_another_store_is_refused(store):
    assert store.key(store.url("a/b")) == "a/b"
    with pytest.raises(PermanentError, match="s3://other/x"):
        store.key("s3://other/x")


def test_a_server_that_is_not_there_is_a_transient_failure_that_names_it(free_port):
    store = S3ObjectStore("some-bucket", f"http://127.0.0.1:{free_port}", credentials=("k", "s", None), max_attempts=1)
    with pytest.raises(TransientError, match=rf"127\.0\.0\.1:{free_port}"):
        store.get("a")


def test_wrong_keys_are_a_permanent_failure_without_the_secret(s3_server):
    store = S3ObjectStore("test-bucket", s3_server.endpoint_url, credentials=("AKWRONG", "very-secret", None))
    with pytest.raises(PermanentError, match="AWS_ACCESS_KEY_ID") as error:
        store.put("a", b"1")
    assert "very-secret" not in str(error.value)


def test_a_missing_bucket_is_a_permanent_failure_that_names_it(s3_server):
    store = s3_server.object_store("no-such-bucket")
    for call in (lambda: store.get("a"), lambda: list(store.list(""))):
        with pytest.raises(PermanentError, match="no-such-bucket"):
            call()
