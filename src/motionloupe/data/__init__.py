"""Pictures to learn from and to be judged by: synthetic scenes with exact truth."""
