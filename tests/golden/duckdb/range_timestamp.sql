SELECT count("seen") AS rows,
       count_if(("seen" < TIMESTAMPTZ '2013-01-01 00:00:00+00:00')) AS failing
FROM batch
