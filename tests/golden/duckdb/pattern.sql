SELECT count("code") AS rows,
       count_if(NOT regexp_matches("code", '^[A-Z]{2}\d+''$')) AS failing
FROM batch
