"""Control flow only: which task runs when. The work is in `tasks` and, below it, in `pixelpipe`."""
