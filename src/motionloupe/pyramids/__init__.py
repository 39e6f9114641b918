"""Pictures split by scale and orientation, and put together again."""
