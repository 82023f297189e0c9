"""Many runs, each in a process of its own: the plan, the watchdog, the progress."""
