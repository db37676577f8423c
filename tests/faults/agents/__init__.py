"""The agents of a run, and the engine behind them."""
