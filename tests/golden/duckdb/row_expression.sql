SELECT count(CAST((price >= 0 OR code = 'refund'
) AS BOOLEAN)) AS rows,
       count_if(NOT CAST((price >= 0 OR code = 'refund'
) AS BOOLEAN)) AS failing
FROM batch
