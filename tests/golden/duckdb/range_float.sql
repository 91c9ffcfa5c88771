SELECT count("ratio") AS rows,
       count_if(("ratio" > 1.0 OR isnan("ratio"))) AS failing
FROM batch
