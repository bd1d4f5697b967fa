"""Every mart and dashboard carries the day's deadline as Dagster's own freshness policy."""


def test_marts_and_dashboards_have_the_deadline_of_the_day(definitions):
    graph = definitions.resolve_asset_graph()
    policies = {key: graph.get(key).freshness_policy_or_from_metadata for key in graph.get_all_asset_keys()}
    promised = [policy for key, policy in policies.items() if key.path[0] in {"marts", "dashboards"}]
    assert len(promised) > 20
    assert {policy.deadline_cron for policy in promised} == {"0 2 * * *"}
    assert not any(policy for key, policy in policies.items() if key.path[0] in {"raw", "staged", "lake"})
