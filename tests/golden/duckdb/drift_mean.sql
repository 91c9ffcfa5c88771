SELECT avg("price") AS value
FROM batch
