import pytest

from data_pipeline.common.errors import PermanentError
from data_pipeline.common.sources import find_source, load_sources
from data_pipeline.settings import PROJECT_ROOT

GOOD = "sources:\n  web: {topic: t.web, contract: product_event, owner: 'team:web'}\n"


def load(tmp_path, text):
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    return load_sources(path)


def test_the_projects_own_sources_are_the_four_of_the_contract():
    sources = load_sources(PROJECT_ROOT / "sources.yaml")
    assert {name: source.topic for name, source in sources.items()} == {
        name: f"product-events.{name}" for name in ("web", "ios", "android", "server")
    }
    assert all(source.is_product_events for source in sources.values())


def test_schedule_is_hourly_unless_said_otherwise(tmp_path):
    assert load(tmp_path, GOOD)["web"].schedule == "hourly"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "sources"),
        ("sources: []", "sources"),
        ("sources: {Web: {topic: t, contract: c, owner: 'team:x'}}", "'Web'"),
        ("sources: {web: {topic: t, contract: c}}", "'web'"),
        ("sources: {web: {topic: t, contract: c, owner: 'team:x', colour: red}}", "'web'"),
        ("sources: {web: {topic: 't/x', contract: c, owner: 'team:x'}}", "'t/x'"),
        ("sources: {web: {topic: t, contract: c, owner: nobody}}", "'nobody'"),
        ("sources: {web: {topic: t, contract: c, owner: 'team:x', schedule: daily}}", "'daily'"),
        ("sources: {a: {topic: t, contract: c, owner: 'team:x'}, b: {topic: t, contract: c, owner: 'team:x'}}", "'t'"),
        ("sources: {a: ", "YAML"),
    ],
)
def test_a_wrong_block_is_refused_by_name(tmp_path, text, named):
    with pytest.raises(PermanentError) as error:
        load(tmp_path, text)
    assert named in str(error.value)
    assert "sources.yaml" in str(error.value)


def test_an_unknown_source_is_refused_with_the_list_of_those_there_are(tmp_path):
    with pytest.raises(PermanentError, match="'ios' is not a source; there are web"):
        find_source(load(tmp_path, GOOD), "ios")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PermanentError, match="DATA_PIPELINE_SOURCES_FILE"):
        load_sources(tmp_path / "none.yaml")
