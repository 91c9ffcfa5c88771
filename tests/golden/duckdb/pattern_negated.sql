SELECT count("say ""hi""") AS rows,
       count_if(regexp_matches("say ""hi""", '<script')) AS failing
FROM batch
