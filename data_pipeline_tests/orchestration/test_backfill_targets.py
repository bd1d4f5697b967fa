"""A backfill of everything is one request, whatever order Dagster walks the graph in."""

import dagster as dg


def test_steps_with_several_parents_can_be_asked_for_in_part(definitions):
    """Dagster compares the partitions that it inferred for all assets of a step that cannot; with several parents they may differ."""
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        together = graph.get(key).execution_set_asset_keys
        if len(together) > 1 and graph.get(key).is_executable:
            parents = set().union(*(graph.get(other).parent_keys for other in together))
            assert len(parents) == 1, f"{sorted(other.to_user_string() for other in together)} has parents {parents}"


def test_one_table_of_a_step_can_be_selected(definitions):
    keys = {key for key in definitions.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "lake"}
    assert dg.AssetKey(["lake", "rejections"]) in keys
    assert definitions.resolve_asset_graph().get(dg.AssetKey(["lake", "rejections"])).execution_set_asset_keys == {
        dg.AssetKey(["lake", "rejections"])
    }
