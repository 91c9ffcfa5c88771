SELECT count("ratio") AS rows,
       count_if(("ratio" IS NOT NULL AND ("ratio" > 1.0 OR isnan("ratio")))) AS failing
FROM batch
