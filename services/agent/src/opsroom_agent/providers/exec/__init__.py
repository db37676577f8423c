"""The provider that runs a configured program for each request: anything with a command line can be one."""
