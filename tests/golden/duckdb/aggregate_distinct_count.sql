SELECT count(DISTINCT "code") AS value
FROM batch
