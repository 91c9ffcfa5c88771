SELECT count(*) AS value
FROM batch
