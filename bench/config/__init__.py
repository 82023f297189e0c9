"""What is to be run: budgets, runs, suites, the catalogue of benchmarks and models."""
