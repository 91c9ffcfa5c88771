"""The twelve expectations, and how their results are read: the same on pandas and on SQL."""

import json
import logging
import os

os.environ |= {"GX_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

import great_expectations as gx
import great_expectations.expectations as gxe

__all__ = ["gx", "report"]

logging.disable(logging.CRITICAL)


def report(context, definition, batch=None, first: object = "2026-01-01", last: object = "2026-02-01") -> None:
    """Run the suite on a batch, and print what it found."""
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    suite = context.suites.add(gx.ExpectationSuite(name="orders", expectations=_expectations(first, last)))
    validation = gx.ValidationDefinition(name="orders", data=definition, suite=suite)
    result = validation.run(batch_parameters=batch, result_format="BASIC")
    found: dict[str, object] = {}
    for each in result.results:
        name = each.expectation_config.meta["name"]
        unexpected = each.result.get("unexpected_count", 1)
        found[name] = (
            0
            if each.success
            else unexpected
            if each.exception_info.get("raised_exception") is False
            else str(each.exception_info)
        )
    print(json.dumps(found))


def _expectations(first, last) -> list[gxe.Expectation]:
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, meta={"name": "rows"}),
        gxe.ExpectColumnValuesToNotBeNull(column="order_id", meta={"name": "order_id_set"}),
        gxe.ExpectColumnValuesToNotBeNull(column="customer_id", meta={"name": "customer_id_set"}),
        gxe.ExpectColumnValuesToNotBeNull(column="status", mostly=0.99, meta={"name": "status_complete"}),
        gxe.ExpectColumnValuesToBeInSet(
            column="status", value_set=["new", "paid", "shipped", "returned"], meta={"name": "status_known"}
        ),
        gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0, max_value=10000, meta={"name": "amount_range"}),
        gxe.ExpectColumnValuesToBeBetween(column="discount", min_value=0, max_value=1, meta={"name": "discount_range"}),
        gxe.ExpectColumnValuesToBeBetween(
            column="ordered_at", min_value=first, max_value=last, meta={"name": "ordered_at_range"}
        ),
        gxe.ExpectColumnValuesToMatchRegex(column="email", regex="^[a-z0-9]+@[a-z]+[.]org$", meta={"name": "email_pattern"}),
        gxe.ExpectColumnValueLengthsToEqual(column="code", value=10, meta={"name": "code_length"}),
        gxe.ExpectColumnValuesToBeUnique(column="order_id", meta={"name": "order_id_unique"}),
        gxe.ExpectColumnValuesToBeUnique(column="code", meta={"name": "code_unique"}),
    ]
