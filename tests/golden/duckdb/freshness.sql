SELECT CAST(max("seen") AS TIMESTAMP) AS value
FROM batch
