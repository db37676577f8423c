"""What can go wrong in a run, each as a change to a correct history, with the rule that must find it."""
