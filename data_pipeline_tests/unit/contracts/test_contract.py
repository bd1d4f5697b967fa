"""Contracts: reading them, refusing what cannot be judged, comparing versions, rendering."""

# ruff: noqa: E501
from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from data_pipeline.commands.contracts import command
from data_pipeline.common.errors import PermanentError
from data_pipeline.contracts.arrow import staged_arrow_schema
from data_pipeline.contracts.compatibility import compare_schemas
from data_pipeline.contracts.contract import CONTRACTS_DIR, load_contract
from data_pipeline.contracts.documents import render_rules
from data_pipeline.contracts.flatten import flatten_for_warehouse
from data_pipeline.contracts.schema import parse_schema
from data_pipeline.settings import PROJECT_ROOT

V1: dict[str, Any] = json.loads((CONTRACTS_DIR / "product_event" / "v1.schema.json").read_text())
PAYMENT = {
    "type": "object",
    "required": ["payment_id", "amount"],
    "properties": {
        "payment_id": {"type": "string", "format": "uuid"},
        "amount": {"type": "number", "exclusiveMinimum": 0},
        "paid_on": {"type": ["string", "null"], "format": "date"},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "payer": {"anyOf": [{"$ref": "#/$defs/payer"}, {"type": "null"}]},
    },
    "$defs": {"payer": {"type": "object", "properties": {"name": {"type": "string"}, "is_company": {"type": "boolean"}}}},
}


def folder(path: Path, schema: dict[str, Any], rules: str | None = None) -> Path:
    path.mkdir(exist_ok=True)
    (path / "v1.schema.json").write_text(json.dumps(schema))
    if rules is not None:
        (path / "rules.yaml").write_text(rules)
    return path


def test_staged_columns_of_product_events() -> None:
    schema = staged_arrow_schema(load_contract("product_event"))
    assert schema.names == [*V1["properties"], "content_hash", "received_at", "kafka_partition", "kafka_offset"]
    assert schema.field("schema_version").type == pa.int32()
    assert schema.field("occurred_at").type == pa.timestamp("ms", tz="UTC")
    item = schema.field("order").type.field("items").type.value_type
    assert [(field.name, field.type) for field in item][3:] == [("quantity", pa.int64()), ("unit_price", pa.float64())]


def test_a_contract_of_ones_own_needs_a_schema_only(tmp_path: Path) -> None:
    contract = load_contract(folder(tmp_path / "payments", PAYMENT))
    assert [rule.name for rule in contract.rules] == ["size", "json", "types", "schema", "text"]
    schema = staged_arrow_schema(contract)
    assert schema.field("paid_on").type == pa.date32()
    assert schema.field("payer").type == pa.struct([("name", pa.string()), ("is_company", pa.bool_())])
    assert schema.field("tags").type == pa.list_(pa.string())


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ("rules: [{name: codes, kind: codes, sentence: s, lists: {country: iso_4217}}]", "country"),
        ("rules: [{name: codes, kind: codes, sentence: s, lists: {payer.name: iso_9999}}]", "iso_9999"),
        ("rules: [{name: clocks, kind: clocks, sentence: s, orders: [{earlier: amount, later: payment_id}]}]", "amount"),
        ("rules: [{name: a, kind: magic, sentence: s}]", "'a'"),
        ("rules: [{name: a, kind: text, sentence: s}, {name: a, kind: json, sentence: s}]", "twice"),
        ("rules: 1", "rules:"),
        ("{", "YAML"),
    ],
)
def test_a_catalogue_that_does_not_fit_is_one_clear_error(tmp_path: Path, rules: str, names: str) -> None:
    with pytest.raises(PermanentError) as caught:
        load_contract(folder(tmp_path / "payments", PAYMENT, rules))
    assert names in str(caught.value)
    assert "rules.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda schema: schema["properties"]["amount"].update(multipleOf=2), "#/properties/amount"),
        (lambda schema: schema["properties"]["amount"].update(type="decimal"), "decimal"),
        (lambda schema: schema["properties"]["payer"].update({"$ref": "#/$defs/nobody"}), "nobody"),
        (lambda schema: schema["$defs"]["payer"]["properties"].update(boss={"$ref": "#/$defs/payer"}), "itself"),
        (lambda schema: schema["properties"]["payment_id"].update(format="iri"), "iri"),
        (lambda schema: schema["properties"]["payment_id"].update(pattern="(a"), "(a"),
        (lambda schema: schema.update(type="array"), "object"),
    ],
)
def test_a_schema_that_cannot_be_judged_exactly_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], names: str) -> None:
    schema = deepcopy(PAYMENT)
    change(schema)
    with pytest.raises(PermanentError) as caught:
        load_contract(folder(tmp_path / "payments", schema))
    assert names in str(caught.value)


def test_an_unknown_contract_is_named() -> None:
    with pytest.raises(PermanentError, match="'nothing' is not a contract; there are product_event"):
        load_contract("nothing")


ITEM = V1["$defs"]["items"]["items"]["properties"]
CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str | None, str]] = {
    "add optional field": (lambda s: s["properties"].update(experiment={"type": ["string", "null"]}), None, ""),
    "add optional object": (lambda s: s["properties"].update(x={"type": "object", "required": ["y"], "properties": {"y": {"type": "string"}}}), None, ""),
    "widen enum": (lambda s: s["properties"]["event_type"]["enum"].append("share"), None, ""),
    "raise maximum": (lambda s: s["properties"]["duration_ms"].update(maximum=10**9), None, ""),
    "raise maxLength": (lambda s: s["properties"]["page"]["properties"]["title"].update(maxLength=1000), None, ""),
    "lower minimum": (lambda s: s["properties"]["duration_ms"].update(minimum=-1), None, ""),
    "next version": (lambda s: s["properties"].update(schema_version={"const": 2}), None, ""),
    "describe": (lambda s: s["properties"]["user_id"].update(description="x"), None, ""),
    "remove field": (lambda s: s["properties"].pop("duration_ms"), "field_removed", "$.duration_ms"),
    "rename field": (lambda s: s["properties"].update(duration=s["properties"].pop("duration_ms")), "field_removed", "$.duration_ms"),
    "make required": (lambda s: s["required"].append("page"), "made_required", "$.page"),
    "add required": (lambda s: (s["properties"].update(z={"type": "string"}), s["required"].append("z")), "made_required", "$.z"),
    "change type": (lambda s: s["properties"]["duration_ms"].update(type=["string", "null"]), "type_changed", "$.duration_ms"),
    "forbid null": (lambda s: s["properties"]["user_id"].update(type="string"), "type_changed", "$.user_id"),
    "change unit": (lambda s: s["properties"]["duration_ms"].update({"x-unit": "s"}), "unit_changed", "$.duration_ms"),
    "change unit of items": (lambda s: s["$defs"]["amount"].update({"x-unit": "cents"}), "unit_changed", "$.order.items[*].unit_price"),
    "narrow enum": (lambda s: s["properties"]["event_type"]["enum"].remove("click"), "narrowed", "$.event_type"),
    "lower maximum": (lambda s: s["properties"]["duration_ms"].update(maximum=5), "narrowed", "$.duration_ms"),
    "raise minimum": (lambda s: s["properties"]["duration_ms"].update(minimum=5), "narrowed", "$.duration_ms"),
    "add minimum": (lambda s: s["properties"]["schema_version"] and s["$defs"]["items"].update(minItems=2), "narrowed", "$.cart.items"),
    "lower maxLength": (lambda s: s["properties"]["page"]["properties"]["title"].update(maxLength=5), "narrowed", "$.page.title"),
    "add maxLength": (lambda s: s["properties"]["context"]["properties"]["ip"].update(maxLength=5), "narrowed", "$.context.ip"),
    "change pattern": (lambda s: s["properties"]["user_id"].update(pattern="^[a-z]+$"), "narrowed", "$.user_id"),
    "add pattern": (lambda s: s["properties"]["context"]["properties"]["ip"].update(pattern="^1"), "narrowed", "$.context.ip"),
    "add enum": (lambda s: s["properties"]["user_id"].update(enum=["a", None]), "narrowed", "$.user_id"),
    "close object": (lambda s: s.update(additionalProperties=False), "narrowed", "$"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_each_kind_of_change(name: str) -> None:
    change, rule, path = CHANGES[name]
    new = deepcopy(V1)
    change(new)
    found = [(each.rule, each.path) for each in compare_schemas(parse_schema(V1, "v1"), parse_schema(new, "v2"))]
    assert (found == []) if rule is None else ((rule, path) in found)


def test_the_command_names_path_and_rule_and_fails(tmp_path: Path) -> None:
    new = deepcopy(V1)
    new["properties"]["duration_ms"]["x-unit"] = "s"
    old_file, new_file = tmp_path / "v1.schema.json", tmp_path / "v2.schema.json"
    old_file.write_text(json.dumps(V1))
    new_file.write_text(json.dumps(new))
    refused = CliRunner().invoke(command, ["check", str(old_file), str(new_file)])
    assert refused.exit_code == 1
    assert "$.duration_ms: unit_changed" in refused.output
    assert CliRunner().invoke(command, ["check", str(old_file), str(old_file)]).exit_code == 0


def test_a_released_version_never_changes(tmp_path: Path) -> None:
    new = deepcopy(V1)
    new["properties"]["duration_ms"]["maximum"] = 10**9
    old_folder, new_folder = folder(tmp_path / "old", V1), folder(tmp_path / "new", new)
    refused = CliRunner().invoke(command, ["check", "--json", str(old_folder), str(new_folder)])
    assert refused.exit_code == 1
    assert [each["rule"] for each in json.loads(refused.output)["incompatibilities"]] == ["released_version_changed"]
    (new_folder / "v2.schema.json").write_text(json.dumps({**new, "properties": {**new["properties"], "schema_version": {"const": 2}}}))
    (new_folder / "v1.schema.json").write_text(json.dumps(V1))
    assert CliRunner().invoke(command, ["check", str(old_folder), str(new_folder)]).exit_code == 0


def test_the_rendered_rules_are_not_stale() -> None:
    assert (PROJECT_ROOT / "docs" / "rules.md").read_text() == render_rules(), "run `data-pipeline docs`"


def test_a_table_of_ones_own_contract_speaks_its_words(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"celsius": {"type": "number", "description": "Air temperature."}, "place": {"type": "string"}},
    }
    (tmp_path / "v1.schema.json").write_text(json.dumps(schema))
    table = flatten_for_warehouse("readings", staged_arrow_schema(load_contract(tmp_path)))
    described = {column.name: column.description for column in table.columns}
    assert (described["celsius"], described["place"]) == ("Air temperature.", "Field place of the contract.")


@pytest.mark.parametrize(
    ("form", "holds"),
    [
        ("rules", "| `money` |"),
        ("duckdb", 'CREATE TABLE IF NOT EXISTS warehouse."events"'),
        ("redshift", "COMPOUND SORTKEY"),
        ("dbt", "-- models/staging/_sources.yml"),
        ("great-expectations", '"expect_column_values_to_match_regex"'),
    ],
)
def test_everything_rendered_can_be_printed(form: str, holds: str) -> None:
    printed = CliRunner().invoke(command, ["render", "--as", form])
    assert printed.exit_code == 0, printed.output
    assert holds in printed.output
