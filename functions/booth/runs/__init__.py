"""The records of runs in the table, their uploads and requestIds, and the index of open runs: reads and writes only."""
