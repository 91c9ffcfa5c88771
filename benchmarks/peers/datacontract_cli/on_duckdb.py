"""datacontract-cli"""

import json
import logging
import sys
import warnings

from datacontract.data_contract import DataContract

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
servers:
  - {{server: local, type: local, path: '{path}', format: parquet}}
schema:
  - name: orders
    quality:
      - {{id: rows, metric: rowCount, mustBeGreaterOrEqualTo: 1}}
      - id: ordered_at_range
        type: sql
        query: SELECT count(*) FROM {{object}} WHERE ordered_at < DATE '2026-01-01' OR ordered_at > DATE '2026-02-01'
        mustBe: 0
    properties:
      - {{name: order_id, logicalType: integer, required: true, unique: true}}
      - {{name: code, logicalType: string, unique: true, logicalTypeOptions: {{minLength: 10, maxLength: 10}}}}
      - {{name: customer_id, logicalType: integer, required: true}}
      - name: status
        logicalType: string
        quality:
          - {{id: status_complete, metric: nullValues, unit: percent, mustBeLessOrEqualTo: 1}}
          - {{id: status_known, metric: invalidValues, arguments: {{validValues: [new, paid, shipped, returned]}}, mustBe: 0}}
      - {{name: amount, logicalType: number, logicalTypeOptions: {{minimum: 0, maximum: 10000}}}}
      - {{name: discount, logicalType: number, logicalTypeOptions: {{minimum: 0, maximum: 1}}}}
      - {{name: ordered_at, logicalType: timestamp}}
      - {{name: email, logicalType: string, logicalTypeOptions: {{pattern: '^[a-z0-9]+@[a-z]+[.]org$'}}}}
"""
NAMES = {
    "field_required": "{}_set",
    "field_unique": "{}_unique",
    "field_min_length": "{}_length",
    "field_max_length": "{}_length",
    "field_minimum": "{}_range",
    "field_maximum": "{}_range",
    "field_regex": "{}_pattern",
}
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

run = DataContract(data_contract_str=CONTRACT.format(path=sys.argv[1])).test()
found: dict[str, int] = {}
for check in run.checks:
    name = check.qualityId or NAMES.get(check.type, check.type).format(check.field)
    if check.type not in {"field_is_present", "field_type"}:
        broken = 0 if check.result == "passed" else (check.diagnostics or {}).get("value", f"{check.result}: {check.reason}")
        found[name] = found.get(name, 0) + broken if isinstance(broken, int) else broken
print(json.dumps(found))
