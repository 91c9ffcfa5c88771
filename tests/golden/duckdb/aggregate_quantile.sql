SELECT CASE WHEN count(*) FILTER (WHERE isnan("ratio")) > 0 THEN CAST('nan' AS DOUBLE) ELSE quantile_cont("ratio", 0.9) END AS value
FROM batch
