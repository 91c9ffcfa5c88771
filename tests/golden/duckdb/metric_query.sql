SELECT max(price) - min(price) FROM batch
