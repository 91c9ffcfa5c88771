SELECT quantile_cont(CAST("price" AS DOUBLE), 0.5) AS value
FROM batch
