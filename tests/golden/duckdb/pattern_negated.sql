SELECT count("say ""hi""") AS rows,
       count_if(("say ""hi""" IS NOT NULL AND regexp_matches("say ""hi""", '<script'))) AS failing
FROM batch
