"""Tables that others have published, reproduced line by line. A file names its source and has `CASES` and `CLAIMS`."""
