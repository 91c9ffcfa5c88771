SELECT count_if(("code" IS NOT NULL)) AS rows,
       count_if((("code" IS NOT NULL) AND NOT EXISTS (SELECT 1 FROM "planes.csv" AS _sluicegate_reference WHERE CAST(_sluicegate_reference."tail" AS VARCHAR) = batch."code"))) AS failing
FROM batch
