SELECT avg("ratio") AS value
FROM batch
