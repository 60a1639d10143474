"""Tables of mixed columns: how they are read and encoded, and the learners that work on them."""
