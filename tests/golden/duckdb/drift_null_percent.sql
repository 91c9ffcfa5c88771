SELECT 100.0 * (count(*) - count("code")) / nullif(count(*), 0) AS value
FROM batch
