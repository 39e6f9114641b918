"""How good a method is: metrics, and the suites that they are measured on."""
