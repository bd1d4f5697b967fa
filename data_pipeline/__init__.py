"""A Dagster asset-graph data platform for product events: Kafka to dashboards, with a proof for every hour."""
