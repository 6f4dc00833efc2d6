"""What the site promises in seconds (RELIABILITY 2, 3 and 7), and how much quiet it takes to hold it to that."""

IDLE = 2.0  # that a place may be free while somebody waits (I10)
RECOVERY, LONGEST_RECOVERY = 2.0, 5.0  # until all is as before, and after a crash of PostgreSQL
RESYNC, OF_REDIS = 12.0, 24.0  # until every open page has read what it was not told (F7); and is told again
REST = 5.0  # until every page shows what is so (I11)
LOOK = 0.1  # between two looks at the rows
BUSY = 1.0  # between two looks: beyond that the machine has no time for anybody
LEAST_QUIET = IDLE + LOOK  # after a recovery, before the next fault: less, and nobody would see what idles
