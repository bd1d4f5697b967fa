"""Asks a running Dagster what its UI would ask: start a backfill, watch it.

Belongs here: the few GraphQL calls. Does not: what is materialized, and when.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.common.errors import PermanentError, TransientError

_POLL_S = 1.0

_LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
  }
}
"""

_STATUS = """
query Status($id: String!, $filter: RunsFilter!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill {
      status
      error { message }
      assetBackfillData {
        assetBackfillStatuses {
          ... on AssetPartitionsStatusCounts { numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed }
        }
      }
    }
  }
  runsOrError(filter: $filter) { ... on Runs { results { runId status jobName startTime endTime } } }
}
"""

_BACKFILLS = """
query Backfills($statuses: [BulkActionStatus!]!) {
  partitionBackfillsOrError(filters: {statuses: $statuses}) { ... on PartitionBackfills { results { id title } } } }
"""

UNFINISHED = ("REQUESTED", "CANCELING", "FAILING")
COMPLETED = ("COMPLETED_SUCCESS",)

_ASSETS = "query { assetNodes { assetKey { path } isExecutable } }"


@dataclass(frozen=True)
class BackfillState:
    """Where a backfill stands.

    Attributes:
        status: Dagster's word, such as `REQUESTED` or `COMPLETED_SUCCESS`.
        targeted: partitions asked for, over all assets.
        materialized: partitions done.
        failed: partitions that failed.
        runs: run id to status.
        error: why it failed, if it did.
    """

    status: str
    targeted: int
    materialized: int
    failed: int
    runs: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status.startswith(("COMPLETED", "FAILED", "CANCELED"))


@dataclass(frozen=True)
class DagsterClient:
    """A Dagster web server.

    Attributes:
        url: such as `http://127.0.0.1:3000`.
    """

    url: str

    def asset_keys(self) -> list[list[str]]:
        """Keys of all assets that can be materialized."""
        nodes = self._ask(_ASSETS, {})["assetNodes"]
        return [node["assetKey"]["path"] for node in nodes if node["isExecutable"]]

    def launch_backfill(self, asset_keys: Sequence[Sequence[str]], partition_keys: Sequence[str], title: str) -> str:
        """Start a backfill; partitions are those of the most upstream assets. Returns its id."""
        params = {"assetSelection": [{"path": list(key)} for key in asset_keys], "partitionNames": list(partition_keys), "title": title}
        answer = self._ask(_LAUNCH, {"params": params})["launchPartitionBackfill"]
        if answer["__typename"] != "LaunchBackfillSuccess":
            raise PermanentError(f"Dagster did not start the backfill ({answer['__typename']}): {answer.get('message', '')}")
        return str(answer["backfillId"])

    def backfills(self, statuses: Sequence[str], title: str | None = None) -> list[str]:
        """Ids of the backfills in those states (of that title), the latest first; an unfinished one goes on by itself after a restart."""
        found = self._ask(_BACKFILLS, {"statuses": list(statuses)})["partitionBackfillsOrError"]
        return [str(item["id"]) for item in found.get("results", []) if title in (None, item["title"])]

    def backfill_state(self, backfill_id: str) -> BackfillState:
        """Where a backfill stands now."""
        tag = {"key": "dagster/backfill", "value": backfill_id}
        answer = self._ask(_STATUS, {"id": backfill_id, "filter": {"tags": [tag]}})
        backfill = answer["partitionBackfillOrError"]
        if backfill["__typename"] != "PartitionBackfill":
            raise PermanentError(f"Dagster has no backfill '{backfill_id}'.")
        counts = [
            item
            for item in (backfill["assetBackfillData"] or {"assetBackfillStatuses": []})["assetBackfillStatuses"]
            if "numPartitionsTargeted" in item
        ]
        return BackfillState(
            status=backfill["status"],
            targeted=sum(item["numPartitionsTargeted"] for item in counts),
            materialized=sum(item["numPartitionsMaterialized"] for item in counts),
            failed=sum(item["numPartitionsFailed"] for item in counts),
            runs={run["runId"]: run["status"] for run in answer["runsOrError"]["results"]},
            error=(backfill["error"] or {}).get("message"),
        )

    def wait(self, backfill_id: str, progress: Callable[[BackfillState], None], timeout_s: float = 3600) -> BackfillState:
        """Poll until the backfill is over; TransientError after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            state = self.backfill_state(backfill_id)
            progress(state)
            if state.is_over:
                return state
            time.sleep(_POLL_S)
        raise TransientError(
            f"The backfill {backfill_id} is not over after {timeout_s:.0f} s; see {self.url}/overview/backfills/{backfill_id}."
        )

    def _ask(self, query: str, variables: dict[str, Any]) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:2000]
            raise PermanentError(f"Dagster's web server at {self.url} answered {error.code}: {detail}") from error
        except (urllib.error.URLError, OSError) as error:
            raise TransientError(f"Dagster's web server at {self.url} does not answer ({error}); start it with `make up`.") from error
        if answer.get("errors"):
            raise PermanentError(f"Dagster refused the question: {answer['errors'][0]['message']}")
        return answer["data"]
