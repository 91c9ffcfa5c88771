SELECT CASE WHEN count(*) FILTER (WHERE NOT isfinite("ratio")) > 0 THEN CAST('nan' AS DOUBLE) ELSE stddev_samp("ratio") FILTER (WHERE isfinite("ratio")) END AS value
FROM batch
