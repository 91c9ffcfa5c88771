SELECT count(*) AS rows,
       count(*) - count("say ""hi""") AS failing
FROM batch
