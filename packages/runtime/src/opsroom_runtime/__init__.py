"""The frame of a service process: settings, logs, metrics, tracing, the admin server, tasks and signals."""
