"""Stages and the Markov processes on them: spaces, chains in discrete time, generators in continuous time, levers."""
