SELECT max("price") AS value
FROM batch
