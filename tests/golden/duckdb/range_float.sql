SELECT count("ratio") AS rows,
       count(*) FILTER (WHERE ("ratio" IS NOT NULL AND ("ratio" > 1.0 OR isnan("ratio")))) AS failing
FROM batch
