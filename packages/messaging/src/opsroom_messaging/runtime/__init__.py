"""The process chassis: settings, logs, metrics, tracing, the admin server, tasks and signals."""
