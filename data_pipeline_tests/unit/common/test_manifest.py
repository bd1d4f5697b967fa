import json
import threading

import pytest

from data_pipeline.common.errors import OvertakenError, PermanentError
from data_pipeline.common.manifest import Entry, Manifest, publish_manifest, read_manifest, require_manifest
from data_pipeline.common.object_store import LocalObjectStore

PREFIX = "raw/date=2026-03-14/hour=09/source=web"


@pytest.fixture
def store(tmp_path):
    return LocalObjectStore(tmp_path)


def manifest(rows=3, run_id="run-1", **details):
    entry = Entry(f"{PREFIX}/0-0-{rows - 1}.parquet", 100 + rows, rows, "ab" * 32)
    return Manifest("raw", {"source": "web"}, [entry], {"landed_count": rows}, details, run_id)


def test_it_reads_back_as_it_was_published(store):
    published = publish_manifest(store, PREFIX, manifest(topic="t"), None)
    found = read_manifest(store, PREFIX)
    assert found == published
    assert found.manifest == manifest(topic="t")


def test_its_format_is_that_of_redshift(store):
    publish_manifest(store, PREFIX, manifest(), None)
    document = json.loads(store.get(f"{PREFIX}/_manifest.json"))
    [entry] = document["entries"]
    assert entry == {"url": store.url(f"{PREFIX}/0-0-2.parquet"), "mandatory": True, "meta": {"content_length": 103, "record_count": 3}}
    assert document["meta"] == {"content_length": 103, "record_count": 3}


def test_the_same_content_is_published_once_whoever_runs(store):
    first = publish_manifest(store, PREFIX, manifest(run_id="a"), None)
    again = publish_manifest(store, PREFIX, manifest(run_id="b"), first)
    assert again == first
    assert publish_manifest(store, PREFIX, manifest(run_id="c"), None) == first


def test_new_content_is_a_new_generation(store):
    first = publish_manifest(store, PREFIX, manifest(3), None)
    second = publish_manifest(store, PREFIX, manifest(4), first)
    assert second.manifest.generation == 2
    assert read_manifest(store, PREFIX).manifest.row_count == 4


def test_a_writer_that_was_overtaken_fails_and_changes_nothing(store):
    seen = publish_manifest(store, PREFIX, manifest(3), None)
    newer = publish_manifest(store, PREFIX, manifest(5, run_id="newer"), seen)
    with pytest.raises(OvertakenError, match="newer"):
        publish_manifest(store, PREFIX, manifest(4, run_id="stale"), seen)
    with pytest.raises(OvertakenError):
        publish_manifest(store, PREFIX, manifest(4, run_id="stale"), None)
    assert read_manifest(store, PREFIX) == newer


def test_of_many_writers_at_once_one_wins(store):
    outcomes = []

    def write(rows):
        try:
            publish_manifest(store, PREFIX, manifest(rows, run_id=f"run-{rows}"), None)
            outcomes.append(rows)
        except OvertakenError:
            pass

    threads = [threading.Thread(target=write, args=(rows,)) for rows in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert read_manifest(store, PREFIX).manifest.row_count == outcomes[0]


def test_what_is_missing_is_named_with_the_way_out(store):
    assert read_manifest(store, PREFIX) is None
    with pytest.raises(PermanentError, match=r"source=web/_manifest.json does not exist; materialize raw/events"):
        require_manifest(store, PREFIX, "raw/events")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"entries": [{"url": "s3://elsewhere/x"}]}', b"\xff"])
def test_what_is_no_manifest_is_an_error_that_names_it(store, data):
    store.put(f"{PREFIX}/_manifest.json", data)
    with pytest.raises(PermanentError, match=r"_manifest\.json"):
        read_manifest(store, PREFIX)
