"""What to do at each stage: decision processes, their policies, and the value of policies from data."""
