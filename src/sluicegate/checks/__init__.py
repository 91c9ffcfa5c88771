"""The canonical checks and their meaning.

Here: the closed union of checks (``model``), what a contract adds to one (``contract_check``), values and times (``values``),
column types (``types``, ``nested``), the visitor that every translation is (``visitor``), SQL text (``sqltext``), the reference
meaning of rows (``meaning``), of figures (``figures``) and of schemas (``schema_diff``), fitting a check to a batch's schema
(``binding``, ``fitting``), what has to be asked of a batch (``questions``), regular expressions (``patterns``), authors' own SQL (``custom_sql``).

Knows ``errors`` only. Must never know an engine, a contract's format or a file.
"""
