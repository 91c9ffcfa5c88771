SELECT count("say ""hi""") AS rows,
       count(*) FILTER (WHERE ("say ""hi""" IS NOT NULL AND regexp_matches("say ""hi""", '<script'))) AS failing
FROM batch
