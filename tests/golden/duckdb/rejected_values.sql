SELECT count("ratio") AS rows,
       count_if(("ratio" IN (0.0, 0.1))) AS failing
FROM batch
