"""raw → staged + quarantine: every row judged by its contract, with all the rules that it breaks.

Belongs here: decoding, rules, profiles, findings. Does not: Kafka, Spark, the warehouse, Dagster.
"""

from data_pipeline.contracts.arrow import QUARANTINE_SCHEMA, staged_arrow_schema
from data_pipeline.validation.exact.batch import Validated
from data_pipeline.validation.hour import ValidatedHour, validate_hour
from data_pipeline.validation.table import validate_table

__all__ = ["QUARANTINE_SCHEMA", "Validated", "ValidatedHour", "staged_arrow_schema", "validate_hour", "validate_table"]
