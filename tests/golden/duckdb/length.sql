SELECT count("code") AS rows,
       count_if((length("code") < 1 OR length("code") > 6)) AS failing
FROM batch
