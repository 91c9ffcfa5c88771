SELECT count_if(CAST((price >= 0 OR code = 'refund'
) AS BOOLEAN) IS NOT NULL) AS rows,
       count_if(CAST((price >= 0 OR code = 'refund'
) AS BOOLEAN) IS NOT DISTINCT FROM FALSE) AS failing
FROM batch
