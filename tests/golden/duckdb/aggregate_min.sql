SELECT CASE WHEN count(*) FILTER (WHERE isnan("ratio")) > 0 THEN CAST('nan' AS DOUBLE) ELSE min("ratio") END AS value
FROM batch
