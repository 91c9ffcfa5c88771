SELECT count(*) AS rows,
       count(*) - count("code") + count_if(list_position(['', 'N/A'], "code") > 0) AS failing
FROM batch
