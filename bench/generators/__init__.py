"""Load generators, each a process of its own: a plan as JSON goes in, figures as JSON come out."""
