"""Whether something names a customer: names of columns, contents of cells, files and models."""
