SELECT count("ratio") AS rows,
       count("ratio") - count_if("ratio" <> 0.0 AND "ratio" <> 0.1) AS failing
FROM batch
