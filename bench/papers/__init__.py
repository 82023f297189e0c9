"""Published claims put to the test: a folder for each paper."""
