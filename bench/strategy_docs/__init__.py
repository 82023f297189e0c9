"""The page of each strategy: what it does, its hyper-parameters, its schedule drawn."""
