SELECT count(*) FILTER (WHERE CAST((price >= 0 OR code = 'refund'
) AS BOOLEAN) IS NOT NULL) AS rows,
       count(*) FILTER (WHERE CAST((price >= 0 OR code = 'refund'
) AS BOOLEAN) IS NOT DISTINCT FROM FALSE) AS failing
FROM batch
