SELECT CAST(max("day") AS TIMESTAMP) AS value
FROM batch
