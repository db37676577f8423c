"""Where the bytes of files are: the port, and its adapters for JetStream and for S3-compatible stores."""
