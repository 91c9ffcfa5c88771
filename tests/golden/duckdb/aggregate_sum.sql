SELECT sum("price") AS value
FROM batch
